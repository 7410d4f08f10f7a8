package io.numpool.bench.order;

import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Acquires that were overtaken: by one that asked a good while later and was served earlier. It goes by the clients' clocks alone, so it can
 * judge every contender; and a client that gets no processor between its grant and its note can look overtaken though it was not.
 */
public final class Overtaken {
    /** Asked at least so much later. What is closer together may have met on the way. */
    public static final long MARGIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private Overtaken() {}

    /**
     * Counts them.
     *
     * @param acquires of one pool, in any order
     * @return how many were overtaken, however often each
     */
    public static long count(List<Acquire> acquires) {
        var byAsked = acquires.stream()
                .sorted(Comparator.comparingLong(Acquire::asked))
                .toList();
        var earliestGrant = earliestGrantFrom(byAsked);
        var overtaken = 0L;
        var later = 0; // the first that asked a good while after the one that is looked at
        for (var acquire : byAsked) {
            while (later < byAsked.size() && byAsked.get(later).asked() - acquire.asked() < MARGIN_NANOS) {
                later++;
            }
            if (later < byAsked.size() && earliestGrant[later] < acquire.granted()) {
                overtaken++;
            }
        }
        return overtaken;
    }

    /** Of the i-th and all after it. */
    private static long[] earliestGrantFrom(List<Acquire> byAsked) {
        var earliest = new long[byAsked.size()];
        var soFar = Long.MAX_VALUE;
        for (var i = byAsked.size() - 1; i >= 0; i--) {
            soFar = Math.min(soFar, byAsked.get(i).granted());
            earliest[i] = soFar;
        }
        return earliest;
    }
}
