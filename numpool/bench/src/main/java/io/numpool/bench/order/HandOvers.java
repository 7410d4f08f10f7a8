package io.numpool.bench.order;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How a slot went from one process to another.
 *
 * @param nanos for each time: from just before the release in one process to just after the grant in another, sorted
 * @param grants all of them, also those to the process that had it before
 */
public record HandOvers(List<Long> nanos, int grants) {
    /**
     * Looks at a pool of one slot.
     *
     * @param acquires of all processes, in any order
     */
    public static HandOvers of(List<Acquire> acquires) {
        var byGrant = acquires.stream()
                .sorted(Comparator.comparingLong(Acquire::granted))
                .toList();
        var nanos = new ArrayList<Long>();
        for (var i = 1; i < byGrant.size(); i++) {
            var before = byGrant.get(i - 1);
            var after = byGrant.get(i);
            if (before.process() != after.process()) {
                nanos.add(between(before, after));
            }
        }
        nanos.sort(Comparator.naturalOrder());
        return new HandOvers(List.copyOf(nanos), byGrant.size());
    }

    /** The share of grants after which the slot was another process's. */
    public double share() {
        return (double) nanos.size() / Math.max(1, grants - 1);
    }

    /**
     * A percentile.
     *
     * @param percent from 0 to 100
     * @return so many are at most as long; in nanoseconds
     */
    public long percentile(double percent) {
        if (nanos.isEmpty()) {
            throw new IllegalStateException("The slot never went from one process to another");
        }
        var rank = (int) Math.ceil(percent / 100 * nanos.size());
        return nanos.get(Math.max(0, rank - 1));
    }

    private static long between(Acquire before, Acquire after) {
        var nanos = after.granted() - before.released();
        if (nanos < 0) {
            throw new IllegalStateException("Two held the one slot: " + before + ", and " + after);
        }
        return nanos;
    }
}
