package io.numpool.cli.internal.run;

import io.numpool.cli.internal.Failure;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/** A process that waits for what never comes, and prints what a signal made of that; or, given a command, starts it when a signal has come. */
public final class InterruptedHost {
    private InterruptedHost() {}

    public static void main(String[] command) throws Exception {
        try (var interruptions = new Interruptions()) {
            System.out.println("ready");
            System.exit(command.length == 0 ? waitInVain(interruptions) : startLate(interruptions, command));
        }
    }

    private static int waitInVain(Interruptions interruptions) {
        var never = new CompletableFuture<String>();
        try {
            interruptions.await(never);
            return 0;
        } catch (Failure e) {
            System.out.println("message " + e.getMessage() + ", cancelled " + never.isCancelled());
            return e.exitCode();
        }
    }

    private static int startLate(Interruptions interruptions, String... command) throws Exception {
        try {
            while (true) {
                interruptions.await(CompletableFuture.completedFuture("nothing to wait for"));
                LockSupport.parkNanos(1_000_000);
            }
        } catch (Failure signalled) {
            return interruptions.start(List.of(command), Map.of()).ended().get();
        }
    }
}
