package io.numpool.bench.order;

import io.numpool.testkit.Event;
import io.numpool.testkit.HistoryChecker;
import io.numpool.testkit.Verdict;
import java.util.ArrayList;
import java.util.List;

/** Acquires as the testkit's checker of histories takes them. It goes by tokens and tickets, and so is never wrong about who was first. */
public final class Histories {
    private static final String NONE = "";

    private Histories() {}

    /**
     * Judges.
     *
     * @param pool its name
     * @param acquires with slots and tokens, complete in their window: what is held when it begins or ends is left out on both sides
     * @return what was found
     */
    public static Verdict check(String pool, List<Acquire> acquires) {
        var events = new ArrayList<Event>(acquires.size() * 3);
        for (var i = 0; i < acquires.size(); i++) {
            addEvents(pool, Integer.toString(i), acquires.get(i), events);
        }
        return HistoryChecker.of(events).handOver().check();
    }

    private static void addEvents(String pool, String request, Acquire it, List<Event> events) {
        var process = "process " + it.process();
        events.add(new Event(Event.Kind.ASKED, it.asked(), process, pool, request, 0, -1));
        events.add(new Event(Event.Kind.GRANTED, it.granted(), process, pool, request, it.token(), it.slot()));
        events.add(new Event(Event.Kind.ENDED, it.released(), process, pool, NONE, it.token(), it.slot()));
    }
}
