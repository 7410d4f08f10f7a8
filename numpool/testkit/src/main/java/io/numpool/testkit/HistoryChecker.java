package io.numpool.testkit;

import io.numpool.testkit.internal.IdleSlots;
import io.numpool.testkit.internal.Order;
import io.numpool.testkit.internal.PoolHistory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Judges the merged {@link History} of all processes by what pools promise:
 *
 * <ul>
 *   <li>P1: a slot has one holder at a time, a ticket holds one slot;
 *   <li>P2: on each slot, tokens grow;
 *   <li>P3: nobody is granted after a later ticket, and tickets follow the order of asking;
 *   <li>P4: no slot is free for longer than a bound while somebody waits.
 * </ul>
 *
 * <p>It is sound: what it calls a violation is one, given that events are recorded on the safe side as {@link History} says. It cannot see
 * all, since grants happen a little before they are recorded.
 */
public final class HistoryChecker {
    private final List<Event> events;
    private final Map<String, Integer> capacities = new HashMap<>();
    private Duration idleBound = Duration.ofSeconds(3);
    private Duration reclaimBound = Duration.ofSeconds(10);
    private boolean handOver;

    private HistoryChecker(List<Event> events) {
        this.events = events;
    }

    /**
     * Judges these events.
     *
     * @param events of all processes that used the pools
     * @return a checker, with bounds that can be changed
     */
    public static HistoryChecker of(List<Event> events) {
        return new HistoryChecker(List.copyOf(events));
    }

    /**
     * Tells how many slots a pool has, which brings those into P4 that were never granted, and leaves out those beyond.
     *
     * @param pool its id
     * @param slots the lowest capacity it had in that time
     * @return this
     */
    public HistoryChecker capacity(String pool, int slots) {
        capacities.put(pool, slots);
        return this;
    }

    /**
     * How long a slot may be free while somebody waits.
     *
     * @param bound default 3 s
     * @return this
     */
    public HistoryChecker idleBound(Duration bound) {
        idleBound = bound;
        return this;
    }

    /**
     * How long it may be so after a process was killed or frozen, or has lost a slot.
     *
     * @param bound default 10 s
     * @return this
     */
    public HistoryChecker reclaimBound(Duration bound) {
        reclaimBound = bound;
        return this;
    }

    /**
     * Says that a process may hand a slot on to its own next ticket, before it asks anybody. That ticket may have been granted another slot
     * before, of which the process had not heard yet. So the slot does not show when it was its turn, if the same process had it before.
     *
     * @return this
     */
    public HistoryChecker handOver() {
        handOver = true;
        return this;
    }

    /**
     * Judges.
     *
     * @return what was found
     */
    public Verdict check() {
        var pools = PoolHistory.of(events);
        var violations = new ArrayList<Violation>();
        for (var pool : pools) {
            violations.addAll(pool.malformed());
            violations.addAll(Order.doubleGrants(pool));
            violations.addAll(Order.tokensOutOfOrder(pool));
            violations.addAll(Order.overtakes(pool, handOver));
            violations.addAll(Order.ticketsOutOfOrder(pool));
            violations.addAll(idleSlots(pool));
        }
        var longest =
                pools.stream().mapToLong(PoolHistory::longestWaitNanos).max().orElse(0);
        return new Verdict(
                List.copyOf(violations),
                pools.stream().mapToInt(pool -> pool.holds().size()).sum(),
                pools.stream().mapToInt(PoolHistory::waited).sum(),
                pools.stream().mapToInt(PoolHistory::left).sum(),
                Duration.ofNanos(longest));
    }

    private List<Violation> idleSlots(PoolHistory pool) {
        return new IdleSlots(pool, idleBound.toNanos(), reclaimBound.toNanos()).find(capacities.get(pool.name()));
    }
}
