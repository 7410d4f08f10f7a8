package io.numpool.bench.tally;

/**
 * The time in which is measured, as {@link System#nanoTime} counts. That clock is the same in all processes of a Linux machine, so all of a
 * round have the same window, and may compare moments.
 */
public final class Window {
    private record Bounds(long begin, long end) {}

    /** Null before the parent has said when. */
    private volatile Bounds bounds;

    /**
     * Tells when.
     *
     * @param begin first nanosecond
     * @param end first nanosecond after it
     */
    public void set(long begin, long end) {
        bounds = new Bounds(begin, end);
    }

    boolean contains(long moment) {
        var now = bounds;
        return now != null && moment - now.begin >= 0 && moment - now.end < 0;
    }

    boolean isOver(long moment) {
        var now = bounds;
        return now != null && moment - now.end >= 0;
    }
}
