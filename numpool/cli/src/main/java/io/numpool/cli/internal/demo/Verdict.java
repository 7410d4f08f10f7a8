package io.numpool.cli.internal.demo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * What the files of all processes, merged, say of the promises. Nothing here asks the database.
 *
 * @param doubleGrants grants of a slot while another process still held it
 * @param overtakes grants that somebody got before an earlier ticket
 * @param longestWaitMillis from a request to its grant
 * @param reclaimMillis the longest time from a kill to the next grant of the slot; null when nobody was killed, or a slot stayed lost
 * @param unreclaimed slots of killed processes that were never granted on
 */
record Verdict(
        int grants, int doubleGrants, int overtakes, long longestWaitMillis, Long reclaimMillis, int unreclaimed) {
    /** Detach grace, two reaper ticks and half a second, at the defaults. */
    static final long RECLAIM_BOUND_MILLIS = 4_500;

    static Verdict of(List<Interval> history, List<Kill> kills) {
        var byStart = new ArrayList<>(history);
        byStart.sort(Comparator.comparingLong(Interval::startNanos));
        var reclaims = kills.stream().map(kill -> reclaim(byStart, kill)).toList();
        var unreclaimed = (int) reclaims.stream().filter(OptionalLong::isEmpty).count();
        return new Verdict(
                history.size(),
                doubleGrants(byStart),
                overtakes(byStart),
                history.stream()
                        .mapToLong(i -> millis(i.startNanos() - i.askNanos()))
                        .max()
                        .orElse(0),
                reclaims.isEmpty() || unreclaimed > 0
                        ? null
                        : reclaims.stream()
                                .mapToLong(OptionalLong::getAsLong)
                                .max()
                                .getAsLong(),
                unreclaimed);
    }

    boolean promisesKept() {
        return grants > 0 && doubleGrants == 0 && overtakes == 0 && reclaimedInTime();
    }

    boolean reclaimedInTime() {
        return unreclaimed == 0 && (reclaimMillis == null || reclaimMillis <= RECLAIM_BOUND_MILLIS);
    }

    private static int doubleGrants(List<Interval> byStart) {
        Map<Integer, Long> heldUntil = new HashMap<>();
        int count = 0;
        for (var interval : byStart) {
            if (interval.startNanos() < heldUntil.getOrDefault(interval.slot(), Long.MIN_VALUE)) {
                count++;
            }
            heldUntil.merge(interval.slot(), interval.endNanos(), Math::max);
        }
        return count;
    }

    /**
     * A grant cannot have been before its slot's previous holder wrote down that it had ended. So if a later ticket had started by then, it was
     * served first. And a request that was made when a ticket was known already must have a later one.
     */
    private static int overtakes(List<Interval> byStart) {
        Map<Interval, Long> notGrantedBefore = new HashMap<>();
        Map<Integer, Interval> previous = new HashMap<>();
        for (var interval : byStart) {
            var before = previous.put(interval.slot(), interval);
            notGrantedBefore.put(interval, before == null || before.isOpen() ? Long.MIN_VALUE : before.endNanos());
        }
        var highest = highestTicketSoFar(byStart);
        return (int) byStart.stream()
                .filter(late -> laterTicketStarted(highest, late, notGrantedBefore.get(late))
                        || laterTicketStarted(highest, late, late.askNanos()))
                .count();
    }

    private static TreeMap<Long, Long> highestTicketSoFar(List<Interval> byStart) {
        var highest = new TreeMap<Long, Long>();
        long max = Long.MIN_VALUE;
        for (var interval : byStart) {
            max = Math.max(max, interval.ticket());
            highest.put(interval.startNanos(), max);
        }
        return highest;
    }

    private static boolean laterTicketStarted(TreeMap<Long, Long> highest, Interval late, long beforeNanos) {
        var started = highest.lowerEntry(beforeNanos);
        return started != null && started.getValue() > late.ticket();
    }

    private static OptionalLong reclaim(List<Interval> byStart, Kill kill) {
        var held = byStart.stream()
                .filter(i -> i.worker() == kill.worker() && i.endNanos() == kill.nanos())
                .findFirst();
        return held.flatMap(victim -> byStart.stream()
                        .filter(i -> i.slot() == victim.slot()
                                && i.ticket() > victim.ticket()
                                && i.startNanos() > kill.nanos())
                        .findFirst())
                .map(next -> OptionalLong.of(millis(next.startNanos() - kill.nanos())))
                .orElse(OptionalLong.empty());
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }
}
