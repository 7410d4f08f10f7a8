package io.numpool.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.numpool.NumpoolListener;
import io.numpool.PoolUse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** One client's meters in one registry. What happens often finds its meters by the pool's id, and asks no registry. */
final class ClientMeters implements NumpoolListener {
    private final MeterRegistry registry;
    private final Tags tags;
    private final Counter reclaimed;
    private final Counter reconnects;

    /** Those of a pool that was left stay, for what is counted late and for one that is made under its name. Added to under this lock. */
    private final Map<String, PoolMeters> pools = new ConcurrentHashMap<>();

    /** The next attachment is one that counts: the first of a session is told like any other. */
    private final AtomicBoolean disconnected = new AtomicBoolean();

    /** Guarded by this. */
    private boolean isOver;

    ClientMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        this.tags = tags;
        Places.take(registry, tags);
        reclaimed = Counter.builder("numpool.reclaimed")
                .description(
                        "Slots of dead sessions that this client freed, in all pools of the schema, locks included")
                .baseUnit("slots")
                .tags(tags)
                .register(registry);
        reconnects = Counter.builder("numpool.reconnects")
                .description("Times that the session was attached again, or replaced, after a break")
                .tags(tags)
                .register(registry);
    }

    @Override
    public synchronized void joined(PoolUse use) {
        if (isOver) return;
        pools.computeIfAbsent(use.getPool(), id -> new PoolMeters(registry, tags.and("pool", id)))
                .show(use);
    }

    @Override
    public synchronized void left(PoolUse use) {
        of(use.getPool(), it -> it.hide(use));
    }

    @Override
    public synchronized void closed() {
        if (isOver) return;
        isOver = true;
        Places.leave(registry, tags);
    }

    @Override
    public void acquired(String pool, int index, long token, Duration waited) {
        of(pool, it -> it.waited(waited));
    }

    @Override
    public void released(String pool, int index, long token, Duration held) {
        of(pool, it -> it.held(held));
    }

    @Override
    public void lost(String pool, int index, long token, String reason) {
        of(pool, PoolMeters::lost);
    }

    @Override
    public void timedOut(String pool, Duration waited) {
        of(pool, PoolMeters::timedOut);
    }

    @Override
    public void reclaimed(long session, int slots) {
        reclaimed.increment(slots);
    }

    @Override
    public void disconnected(Throwable cause) {
        disconnected.set(true);
    }

    @Override
    public void reconnected() {
        if (disconnected.getAndSet(false)) reconnects.increment();
    }

    /** Takes all of them out of the registry, unless they have gone over to another client: the successor of one that is closed. */
    synchronized void close() {
        closed();
        if (Places.isTaken(registry, tags)) return;
        pools.values().forEach(PoolMeters::remove);
        pools.clear();
        registry.remove(reclaimed);
        registry.remove(reconnects);
    }

    private void of(String pool, Consumer<PoolMeters> act) {
        var meters = pools.get(pool);
        if (meters != null) act.accept(meters);
    }
}
