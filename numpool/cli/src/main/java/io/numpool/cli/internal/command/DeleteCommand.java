package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Answer;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool delete POOL` */
@Command(name = "delete", description = "Deletes a pool: who waits fails at once, who holds a slot loses it.")
final class DeleteCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(paramLabel = "POOL")
    private String id;

    @Option(
            names = "--force",
            description = "Frees the name at once. Unsafe: a new pool of that name grants slots that are still in use.")
    private boolean force;

    @Override
    public Integer call() {
        try (var client = numpool.visitor()) {
            Answer.of(client.deletePool(id, force));
            numpool.printer().print(new Deleted(id), style -> style.bold(id) + ": deleted\n");
            return 0;
        }
    }

    /** The json contract. */
    record Deleted(String deleted) {}
}
