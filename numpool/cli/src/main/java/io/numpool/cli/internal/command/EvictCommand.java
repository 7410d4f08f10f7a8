package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Answer;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool evict POOL INDEX` */
@Command(
        name = "evict",
        description = "Asks for a slot back: its holder loses it, and it goes on when the holder has let go.",
        footer = {"", "At the latest one TTL of the holder's later. A slot that nobody holds is fine, too."})
final class EvictCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(index = "0", paramLabel = "POOL")
    private String id;

    @Parameters(index = "1", paramLabel = "INDEX", description = "The slot, from 0.")
    private int index;

    @Override
    public Integer call() {
        try (var client = numpool.visitor();
                var pool = Answer.of(client.pool(id))) {
            var evicted = Answer.of(pool.evict(index));
            numpool.printer()
                    .print(
                            new Evicted(id, index, evicted),
                            style -> style.bold(id) + ": slot " + index
                                    + (evicted ? " is asked back\n" : " is held by nobody\n"));
            return 0;
        }
    }

    /** The json contract: {@code evicted} is false when nobody held it. */
    record Evicted(String pool, int index, boolean evicted) {}
}
