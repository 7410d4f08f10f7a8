package io.numpool.bench.tally;

import java.util.concurrent.locks.LockSupport;

/** Sleeps by the clock that windows go by. */
public final class Sleep {
    private Sleep() {}

    /**
     * Returns when that moment has come.
     *
     * @param moment as {@link System#nanoTime} counts
     */
    public static void until(long moment) {
        for (var left = moment - System.nanoTime(); left > 0; left = moment - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
