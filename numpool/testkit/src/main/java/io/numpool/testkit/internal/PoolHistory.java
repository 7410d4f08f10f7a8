package io.numpool.testkit.internal;

import io.numpool.testkit.Event;
import io.numpool.testkit.Hold;
import io.numpool.testkit.Violation;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The events of one pool, put together: who held what, and who waited from when to when. */
public final class PoolHistory {
    /** Ends of holds by slot and token. */
    private record Lease(int slot, long token) {}

    private final String name;
    private final Map<String, Long> asked = new HashMap<>();
    private final TreeMap<Long, Place> places = new TreeMap<>();
    private final Map<Lease, Event> ends = new HashMap<>();
    private final List<Event> grants = new ArrayList<>();
    private final Map<String, Long> left = new HashMap<>();
    private final Blows blows;
    private final List<Hold> holds = new ArrayList<>();
    private final long begin;
    private final long end;

    /** A ticket, by whom, and when it was known; grant and end of waiting are {@link Long#MAX_VALUE} when they never came. */
    record Place(long ticket, String request, String process, long known, long grantKnown, long gone) {}

    private PoolHistory(String name, List<Event> events, Blows blows, long begin, long end) {
        this.name = name;
        this.blows = blows;
        this.begin = begin;
        this.end = end;
        events.forEach(this::take);
        grants.forEach(grant -> holds.add(hold(grant)));
        holds.sort(Comparator.comparingLong(Hold::start));
        closePlaces();
    }

    /**
     * Sorts events by pool.
     *
     * @param events of all pools, in any order
     * @return one for each pool
     */
    public static Collection<PoolHistory> of(List<Event> events) {
        var sorted =
                events.stream().sorted(Comparator.comparingLong(Event::nanos)).toList();
        var blows = new Blows(sorted);
        var byPool = new TreeMap<String, List<Event>>();
        for (var event : sorted) {
            if (!event.pool().isEmpty()) {
                byPool.computeIfAbsent(event.pool(), pool -> new ArrayList<>()).add(event);
            }
        }
        var pools = new ArrayList<PoolHistory>();
        byPool.forEach((name, list) -> pools.add(new PoolHistory(
                name,
                list,
                blows,
                sorted.get(0).nanos(),
                sorted.get(sorted.size() - 1).nanos())));
        return pools;
    }

    /**
     * The pool.
     *
     * @return its id
     */
    public String name() {
        return name;
    }

    /**
     * Who held what.
     *
     * @return in order of start
     */
    public List<Hold> holds() {
        return holds;
    }

    /**
     * How many grants had a place in the queue before.
     *
     * @return a count
     */
    public int waited() {
        return (int) places.values().stream()
                .filter(place -> place.known < place.grantKnown && place.grantKnown < Long.MAX_VALUE)
                .count();
    }

    /**
     * How many requests gave up.
     *
     * @return a count
     */
    public int left() {
        return left.size();
    }

    /**
     * The longest time from asking to the grant.
     *
     * @return in nanoseconds
     */
    public long longestWaitNanos() {
        return holds.stream()
                .mapToLong(hold -> hold.start() - asked.getOrDefault(hold.request(), hold.start()))
                .max()
                .orElse(0);
    }

    /**
     * Ends without a beginning: the test recorded badly, and its verdict would be worth nothing.
     *
     * @return one violation for each
     */
    public List<Violation> malformed() {
        var began = new HashSet<Lease>();
        grants.forEach(grant -> began.add(new Lease(grant.slot(), grant.ticket())));
        return ends.entrySet().stream()
                .filter(entry -> !began.contains(entry.getKey()))
                .map(entry -> new Violation(Violation.Rule.MALFORMED, name, entry.getValue() + " without a grant"))
                .toList();
    }

    Collection<Place> places() {
        return places.values();
    }

    Blows blows() {
        return blows;
    }

    long begin() {
        return begin;
    }

    long end() {
        return end;
    }

    long askedAt(String request) {
        return asked.getOrDefault(request, Long.MIN_VALUE);
    }

    private void take(Event event) {
        switch (event.kind()) {
            case ASKED -> asked.putIfAbsent(event.request(), event.nanos());
            case QUEUED -> places.putIfAbsent(event.ticket(), place(event, Long.MAX_VALUE));
            case GRANTED -> {
                grants.add(event);
                places.merge(event.ticket(), place(event, event.nanos()), PoolHistory::granted);
            }
            case ENDED, LOST -> ends.putIfAbsent(new Lease(event.slot(), event.ticket()), event);
            case LEFT -> left.put(event.request(), event.nanos());
            default -> throw new IllegalArgumentException("Belongs to no pool: " + event);
        }
    }

    private static Place place(Event event, long grantKnown) {
        return new Place(event.ticket(), event.request(), event.process(), event.nanos(), grantKnown, Long.MAX_VALUE);
    }

    private static Place granted(Place waiting, Place granted) {
        var first = Math.min(waiting.grantKnown, granted.grantKnown);
        return new Place(waiting.ticket, waiting.request, waiting.process, waiting.known, first, Long.MAX_VALUE);
    }

    private Hold hold(Event grant) {
        var end = ends.get(new Lease(grant.slot(), grant.ticket()));
        var lost = end != null && end.kind() == Event.Kind.LOST;
        return new Hold(
                grant.process(),
                name,
                grant.slot(),
                grant.ticket(),
                grant.request(),
                grant.nanos(),
                endOf(grant, end, lost),
                lost);
    }

    private long endOf(Event grant, Event end, boolean lost) {
        if (end == null) {
            return blows.killed(grant.process());
        }
        return lost
                ? Math.min(end.nanos(), blows.frozenBetween(grant.process(), grant.nanos(), end.nanos()))
                : end.nanos();
    }

    private void closePlaces() {
        places.replaceAll((ticket, place) -> {
            var gone = Math.min(left.getOrDefault(place.request, Long.MAX_VALUE), blows.killed(place.process));
            return new Place(
                    ticket,
                    place.request,
                    place.process,
                    place.known,
                    place.grantKnown,
                    Math.min(gone, place.grantKnown));
        });
    }
}
