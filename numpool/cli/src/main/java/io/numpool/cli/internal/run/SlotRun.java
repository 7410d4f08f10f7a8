package io.numpool.cli.internal.run;

import io.numpool.ResourceAsync;
import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Runs a command while a slot is held; the slot is given back when the command has ended, and the command ends when the slot is lost. */
public record SlotRun(List<String> command, Duration killAfter) {
    /** Returns the command's exit code. */
    public int run(ResourceAsync slot, Interruptions interruptions) throws IOException, InterruptedException {
        try (slot) {
            var running = interruptions.start(command, environment(slot));
            var ended = running.ended();
            CompletableFuture.anyOf(ended, slot.lost())
                    .exceptionally(loss -> null)
                    .join();
            if (ended.isDone()) {
                return ended.join();
            }
            running.end(killAfter);
            throw new Failure(
                    ExitCode.SLOT_LOST,
                    "slot " + slot.index() + " of '" + slot.pool() + "' was lost; the command was ended");
        }
    }

    private static Map<String, String> environment(ResourceAsync slot) {
        return Map.of(
                "NUMPOOL_POOL", slot.pool(),
                "NUMPOOL_INDEX", Integer.toString(slot.index()),
                "NUMPOOL_TOKEN", Long.toString(slot.token()));
    }
}
