package io.numpool.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.numpool.PoolUse;
import java.time.Duration;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** One pool's meters. Gauges are there while the client takes part in it, and guarded by the {@link ClientMeters} that this is of. */
final class PoolMeters {
    private final MeterRegistry registry;
    private final Tags tags;
    private final Timer wait;
    private final Timer hold;
    private final Counter timeouts;
    private final Counter lost;
    private List<Gauge> gauges = List.of();

    /** What the gauges read, by a weak reference. */
    private PoolUse shown;

    PoolMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        this.tags = tags;
        wait = timer("numpool.wait", "From asking to the grant, for each acquire or try that got a slot");
        hold = timer("numpool.hold", "From the grant to the giving back, for each slot given back");
        timeouts = Counter.builder("numpool.timeouts")
                .description("Acquires that failed because their time was up")
                .tags(tags)
                .register(registry);
        lost = Counter.builder("numpool.lost")
                .description("Slots that this client lost")
                .baseUnit("slots")
                .tags(tags)
                .register(registry);
    }

    void waited(Duration time) {
        wait.record(time);
    }

    void held(Duration time) {
        hold.record(time);
    }

    void timedOut() {
        timeouts.increment();
    }

    void lost() {
        lost.increment();
    }

    /** In place of an earlier pool of the same name. */
    void show(PoolUse use) {
        hide(shown);
        shown = use;
        gauges = List.of(
                gauge("numpool.pool.capacity", "slots", "Slots of the pool, as last heard", PoolUse::getCapacity),
                gauge("numpool.pool.held", "slots", "Slots held by all clients, as last heard", PoolUse::getHeld),
                gauge("numpool.pool.waiting", "requests", "Queue of all clients, as last heard", PoolUse::getWaiting),
                gauge("numpool.client.held", "slots", "Slots held by this client now", PoolUse::getOwnHeld),
                gauge(
                        "numpool.client.waiting",
                        "requests",
                        "Acquires of this client that wait now",
                        PoolUse::getOwnWaiting));
    }

    /** Unless another pool of that name is shown already. */
    void hide(PoolUse use) {
        if (shown != use) return;
        gauges.forEach(registry::remove);
        gauges = List.of();
        shown = null;
    }

    void remove() {
        hide(shown);
        List.<Meter>of(wait, hold, timeouts, lost).forEach(registry::remove);
    }

    private Timer timer(String name, String description) {
        return Timer.builder(name).description(description).tags(tags).register(registry);
    }

    private Gauge gauge(String name, String unit, String description, ToDoubleFunction<PoolUse> value) {
        return Gauge.builder(name, shown, value)
                .description(description)
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }
}
