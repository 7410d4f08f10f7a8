package io.numpool.cli.internal.demo;

/**
 * What one process says of one slot it held. All times are of the machine's monotonic clock, which all its processes share: asked before
 * the request was sent, started after the grant was seen, ended before the release was sent.
 *
 * @param endNanos {@link #OPEN} when the process did not get as far as writing it down
 */
record Interval(int worker, int slot, long ticket, long askNanos, long startNanos, long endNanos) {
    static final long OPEN = Long.MAX_VALUE;

    boolean isOpen() {
        return endNanos == OPEN;
    }

    Interval endedAt(long nanos) {
        return new Interval(worker, slot, ticket, askNanos, startNanos, nanos);
    }
}
