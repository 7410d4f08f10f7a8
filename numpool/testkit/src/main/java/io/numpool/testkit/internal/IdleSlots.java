package io.numpool.testkit.internal;

import io.numpool.testkit.Hold;
import io.numpool.testkit.Violation;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

/** P4: a slot that was free, and a request that waited all the while. */
public final class IdleSlots {
    private record Gap(int slot, long from, long to) {}

    private final PoolHistory pool;
    private final long idleNanos;
    private final long reclaimNanos;

    /**
     * For one pool.
     *
     * @param pool its history
     * @param idleNanos bound as a rule
     * @param reclaimNanos bound after something went wrong
     */
    public IdleSlots(PoolHistory pool, long idleNanos, long reclaimNanos) {
        this.pool = pool;
        this.idleNanos = idleNanos;
        this.reclaimNanos = reclaimNanos;
    }

    /**
     * Looks at every slot below the capacity.
     *
     * @param capacity when null: the slots that were seen
     * @return what broke P4
     */
    public List<Violation> find(Integer capacity) {
        var found = new ArrayList<Violation>();
        for (var gap : gaps(capacity)) {
            var bound = bound(gap);
            if (gap.to - gap.from > bound) {
                found.addAll(waiting(gap, bound));
            }
        }
        return found;
    }

    private List<Violation> waiting(Gap gap, long bound) {
        var found = new ArrayList<Violation>();
        for (var place : pool.places()) {
            var nanos = Math.min(gap.to, place.gone()) - Math.max(gap.from, place.known());
            if (nanos > bound) {
                found.add(new Violation(
                        Violation.Rule.IDLE_SLOT,
                        pool.name(),
                        "slot " + gap.slot + " was free for " + nanos / 1_000_000 + " ms from " + gap.from
                                + " on while this waited: " + place));
            }
        }
        return found;
    }

    private long bound(Gap gap) {
        return pool.blows().anyBetween(gap.from - reclaimNanos, gap.to) ? reclaimNanos : idleNanos;
    }

    private List<Gap> gaps(Integer capacity) {
        var free = new TreeMap<Integer, Long>();
        slots(capacity).forEach(slot -> free.put(slot, pool.begin()));
        var gaps = new ArrayList<Gap>();
        for (var hold : pool.holds()) {
            if (free.containsKey(hold.slot())) {
                gaps.add(new Gap(hold.slot(), free.get(hold.slot()), hold.start()));
                free.merge(hold.slot(), hold.end(), Math::max);
            }
        }
        free.forEach((slot, from) -> gaps.add(new Gap(slot, from, Math.max(from, pool.end()))));
        return gaps;
    }

    private TreeSet<Integer> slots(Integer capacity) {
        var slots = new TreeSet<Integer>();
        if (capacity == null) {
            pool.holds().stream().map(Hold::slot).forEach(slots::add);
        } else {
            for (var slot = 0; slot < capacity; slot++) {
                slots.add(slot);
            }
        }
        return slots;
    }
}
