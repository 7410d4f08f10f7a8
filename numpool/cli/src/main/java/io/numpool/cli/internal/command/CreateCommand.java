package io.numpool.cli.internal.command;

import com.fasterxml.jackson.databind.JsonNode;
import io.numpool.cli.internal.Answer;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** `numpool create POOL CAPACITY` */
@Command(
        name = "create",
        description = "Makes a pool; one that is there with the same capacity is fine, with another an error.")
final class CreateCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Mixin
    private SizedPool sized;

    @Option(
            names = "--metadata",
            paramLabel = "JSON",
            converter = JsonConverter.class,
            description = "Kept with a pool that is made now.")
    private JsonNode metadata;

    @Override
    public Integer call() {
        var slots = sized.capacity();
        try (var client = numpool.maker();
                var pool = Answer.of(client.pool(sized.id(), slots, metadata))) {
            var report = new PoolSize(pool.id(), pool.capacity());
            numpool.printer().print(report, report::text);
            return 0;
        }
    }
}
