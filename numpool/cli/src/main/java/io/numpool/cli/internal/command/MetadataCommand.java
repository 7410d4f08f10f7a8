package io.numpool.cli.internal.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.output.Printer;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool metadata get|set POOL` */
@Command(
        name = "metadata",
        description = "What is kept with a pool, as JSON.",
        subcommands = {MetadataCommand.Get.class, MetadataCommand.Set.class})
final class MetadataCommand {
    @ParentCommand
    private NumpoolCommand numpool;

    private void print(JsonNode metadata) {
        numpool.printer().print(metadata, style -> Printer.json(metadata) + "\n");
    }

    /** `numpool metadata get POOL` */
    @Command(name = "get", description = "Prints it; null when there is none.")
    static final class Get implements Callable<Integer> {
        @ParentCommand
        private MetadataCommand metadata;

        @Parameters(paramLabel = "POOL")
        private String id;

        @Override
        public Integer call() {
            try (var client = metadata.numpool.visitor();
                    var pool = Answer.of(client.pool(id))) {
                metadata.print(pool.metadata().orElse(NullNode.getInstance()));
                return 0;
            }
        }
    }

    /** `numpool metadata set POOL JSON` */
    @Command(name = "set", description = "Replaces it, unless somebody else does so at the same time.")
    static final class Set implements Callable<Integer> {
        @ParentCommand
        private MetadataCommand metadata;

        @Parameters(index = "0", paramLabel = "POOL")
        private String id;

        @Parameters(index = "1", paramLabel = "JSON", converter = JsonConverter.class)
        private JsonNode value;

        @Override
        public Integer call() {
            try (var client = metadata.numpool.visitor();
                    var pool = Answer.of(client.pool(id))) {
                Answer.of(pool.updateMetadata(value.isNull() ? null : value));
                metadata.print(value);
                return 0;
            }
        }
    }
}
