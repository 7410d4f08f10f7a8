package io.numpool.micrometer;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;

/** The tags of the open clients in each registry: two that share theirs would share gauges, which then tell of one. */
final class Places {
    /** Guarded by itself. */
    private static final Map<MeterRegistry, Set<Tags>> TAKEN = new WeakHashMap<>();

    private Places() {}

    static void take(MeterRegistry registry, Tags tags) {
        synchronized (TAKEN) {
            if (!TAKEN.computeIfAbsent(registry, it -> new HashSet<>()).add(tags)) {
                throw new IllegalStateException("an open client with the " + tags
                        + " is shown in this registry already: give one of them another name, or another tag 'client'");
            }
        }
    }

    static void leave(MeterRegistry registry, Tags tags) {
        synchronized (TAKEN) {
            TAKEN.get(registry).remove(tags);
        }
    }

    static boolean isTaken(MeterRegistry registry, Tags tags) {
        synchronized (TAKEN) {
            return TAKEN.get(registry).contains(tags);
        }
    }
}
