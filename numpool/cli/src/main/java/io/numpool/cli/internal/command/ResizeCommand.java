package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Answer;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

/** `numpool resize POOL CAPACITY` */
@Command(
        name = "resize",
        description = "Changes the number of slots: more serve the queue at once, fewer drain the highest.")
final class ResizeCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Mixin
    private SizedPool sized;

    @Override
    public Integer call() {
        var slots = sized.capacity();
        try (var client = numpool.visitor();
                var pool = Answer.of(client.pool(sized.id()))) {
            Answer.of(pool.resize(slots));
            var report = new PoolSize(sized.id(), slots);
            numpool.printer().print(report, report::text);
            return 0;
        }
    }
}
