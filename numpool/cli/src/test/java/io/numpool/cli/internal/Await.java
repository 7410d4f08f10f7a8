package io.numpool.cli.internal;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Waits for a state, generously. */
public final class Await {
    /** Many JVMs may start at once, on a machine that has other work to do. */
    public static final long PATIENCE_SECONDS = 120;

    private Await() {}

    /** Returns how long it took. */
    public static Duration until(String what, Callable<Boolean> state) throws Exception {
        var start = System.nanoTime();
        while (!state.call()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) {
                throw new AssertionError("waited in vain: " + what);
            }
            LockSupport.parkNanos(1_000_000);
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Dead counts, even if nobody has buried it: process 1 of a container may be somebody who does not. */
    public static boolean hasEnded(long pid) throws Exception {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), "stat"))
                    .contains(") Z ");
        } catch (java.io.IOException gone) {
            return true;
        }
    }
}
