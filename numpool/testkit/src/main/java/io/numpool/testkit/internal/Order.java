package io.numpool.testkit.internal;

import io.numpool.testkit.Hold;
import io.numpool.testkit.Violation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** P1 to P3. */
public final class Order {
    private Order() {}

    /**
     * Two holders of one slot, or two slots of one ticket.
     *
     * @param pool its history
     * @return what broke P1
     */
    public static List<Violation> doubleGrants(PoolHistory pool) {
        var found = new ArrayList<Violation>();
        var longestOfSlot = new HashMap<Integer, Hold>();
        var byToken = new HashMap<Long, Hold>();
        for (var hold : pool.holds()) {
            var before = longestOfSlot.get(hold.slot());
            if (before != null && before.end() > hold.start()) {
                found.add(new Violation(Violation.Rule.DOUBLE_GRANT, pool.name(), before + ", and " + hold));
            }
            if (before == null || hold.end() > before.end()) {
                longestOfSlot.put(hold.slot(), hold);
            }
            var twin = byToken.putIfAbsent(hold.token(), hold);
            if (twin != null) {
                found.add(new Violation(
                        Violation.Rule.DOUBLE_GRANT, pool.name(), "one ticket twice: " + twin + ", and " + hold));
            }
        }
        return found;
    }

    /**
     * A lower token on a slot than before.
     *
     * @param pool its history
     * @return what broke P2
     */
    public static List<Violation> tokensOutOfOrder(PoolHistory pool) {
        var found = new ArrayList<Violation>();
        predecessors(pool).forEach((hold, before) -> {
            if (before.token() > hold.token()) {
                found.add(new Violation(Violation.Rule.TOKEN_ORDER, pool.name(), before + ", then " + hold));
            }
        });
        return found;
    }

    /**
     * A ticket that was granted after a later one: the slot that it got was still held by another when the later one was seen to be granted.
     *
     * @param pool its history
     * @param handOver of what a process had before itself nothing is known: it may have handed it over
     * @return what broke P3
     */
    public static List<Violation> overtakes(PoolHistory pool, boolean handOver) {
        var found = new ArrayList<Violation>();
        var predecessors = predecessors(pool);
        Hold earliest = null; // to start, of those with a higher token
        for (var hold : latestTokenFirst(pool)) {
            var before = predecessors.get(hold);
            if (before != null
                    && earliest != null
                    && endedAfter(before, earliest)
                    && !(handOver && before.process().equals(hold.process()))) {
                found.add(new Violation(
                        Violation.Rule.OVERTAKE,
                        pool.name(),
                        earliest + " overtook " + hold + ", which got the slot only after: " + before));
            }
            if (earliest == null || hold.start() < earliest.start()) {
                earliest = hold;
            }
        }
        return found;
    }

    /**
     * An earlier ticket for a request that was made after a later one was known.
     *
     * @param pool its history
     * @return what broke P3
     */
    public static List<Violation> ticketsOutOfOrder(PoolHistory pool) {
        var found = new ArrayList<Violation>();
        PoolHistory.Place earliest = null; // to be known, of those with a higher ticket
        var places = new ArrayList<>(pool.places());
        places.sort(Comparator.comparingLong(PoolHistory.Place::ticket).reversed());
        for (var place : places) {
            if (earliest != null && pool.askedAt(place.request()) > earliest.known()) {
                found.add(new Violation(
                        Violation.Rule.TICKET_ORDER,
                        pool.name(),
                        place + " was asked for at " + pool.askedAt(place.request()) + ", after this was known: "
                                + earliest));
            }
            if (earliest == null || place.known() < earliest.known()) {
                earliest = place;
            }
        }
        return found;
    }

    // A loss may be recorded long after the slot was given away.
    private static boolean endedAfter(Hold hold, Hold start) {
        return !hold.lost() && hold.end() != Long.MAX_VALUE && hold.end() > start.start();
    }

    private static List<Hold> latestTokenFirst(PoolHistory pool) {
        return pool.holds().stream()
                .sorted(Comparator.comparingLong(Hold::token).reversed())
                .toList();
    }

    private static Map<Hold, Hold> predecessors(PoolHistory pool) {
        var predecessors = new HashMap<Hold, Hold>();
        var lastOfSlot = new HashMap<Integer, Hold>();
        for (var hold : pool.holds()) {
            var before = lastOfSlot.put(hold.slot(), hold);
            if (before != null) {
                predecessors.put(hold, before);
            }
        }
        return predecessors;
    }
}
