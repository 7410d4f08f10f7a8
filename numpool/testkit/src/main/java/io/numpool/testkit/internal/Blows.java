package io.numpool.testkit.internal;

import io.numpool.testkit.Event;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** When which process was killed or frozen, and when anything at all went wrong. */
final class Blows {
    private static final Set<Event.Kind> BLOWS = EnumSet.of(Event.Kind.KILLED, Event.Kind.FROZEN, Event.Kind.LOST);

    private final Map<String, Long> killed = new HashMap<>();
    private final Map<String, TreeSet<Long>> frozen = new HashMap<>();
    private final TreeSet<Long> times = new TreeSet<>();

    Blows(List<Event> events) {
        for (var event : events) {
            switch (event.kind()) {
                case KILLED -> killed.putIfAbsent(event.process(), event.nanos());
                case FROZEN ->
                    frozen.computeIfAbsent(event.process(), process -> new TreeSet<>())
                            .add(event.nanos());
                default -> {}
            }
            if (BLOWS.contains(event.kind())) {
                times.add(event.nanos());
            }
        }
    }

    long killed(String process) {
        return killed.getOrDefault(process, Long.MAX_VALUE);
    }

    long frozenBetween(String process, long from, long to) {
        var first = frozen.getOrDefault(process, new TreeSet<>()).ceiling(from);
        return first == null || first > to ? Long.MAX_VALUE : first;
    }

    boolean anyBetween(long from, long to) {
        var first = times.ceiling(from);
        return first != null && first <= to;
    }
}
