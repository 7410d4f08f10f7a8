package io.numpool.micrometer;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.numpool.Numpool;
import io.numpool.NumpoolAsync;
import io.numpool.NumpoolListener;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Meters of one client, for {@linkplain MeterBinder Micrometer}: bind it to as many registries as you like, and close it when the client ends.
 *
 * <table>
 * <caption>All have the tag {@code client}, those of a pool the tag {@code pool}</caption>
 * <tr><th>meter<th>type<th>unit<th>of a pool<th>what it tells
 * <tr><td>{@code numpool.pool.capacity}<td>gauge<td>slots<td>yes<td>slots of the pool, as last heard
 * <tr><td>{@code numpool.pool.held}<td>gauge<td>slots<td>yes<td>slots held by all clients, as last heard
 * <tr><td>{@code numpool.pool.waiting}<td>gauge<td>requests<td>yes<td>queue of all clients, as last heard
 * <tr><td>{@code numpool.client.held}<td>gauge<td>slots<td>yes<td>slots held by this client now
 * <tr><td>{@code numpool.client.waiting}<td>gauge<td>requests<td>yes<td>acquires of this client that wait now
 * <tr><td>{@code numpool.wait}<td>timer<td>seconds<td>yes<td>from asking to the grant, for each acquire or try that got a slot
 * <tr><td>{@code numpool.hold}<td>timer<td>seconds<td>yes<td>from the grant to the giving back, for each slot given back
 * <tr><td>{@code numpool.timeouts}<td>counter<td><td>yes<td>acquires that failed because their time was up
 * <tr><td>{@code numpool.lost}<td>counter<td>slots<td>yes<td>slots that this client lost
 * <tr><td>{@code numpool.reclaimed}<td>counter<td>slots<td>no<td>slots of dead sessions that this client freed, in all pools of the schema, locks included
 * <tr><td>{@code numpool.reconnects}<td>counter<td><td>no<td>times that the session was attached again, or replaced, after a break
 * </table>
 *
 * <p>As last heard: by the last answer about that pool, or by asking, so that it is about a third of the session's TTL old at most while
 * the database answers; see {@link io.numpool.PoolUse}. Each client that uses a pool shows the whole of it, so take the maximum of these over
 * the clients, never the sum; sum {@code numpool.client.held} and {@code numpool.client.waiting}, which are exact.
 *
 * <p>Gauges of a pool go when the client learns that it is deleted, all gauges when the client is closed. Timers and counters stay until this
 * is closed, so that what happened last is still read. Percentiles and histograms are for a {@code MeterFilter} of yours to ask for.
 *
 * <p>Thread-safe.
 */
public final class NumpoolMetrics implements MeterBinder, AutoCloseable {
    private final Consumer<NumpoolListener> add;
    private final Consumer<NumpoolListener> remove;
    private final Tags tags;

    /** Guarded by this. */
    private final List<ClientMeters> bindings = new ArrayList<>();

    /**
     * Meters whose tag {@code client} is the client's name. The default name has the process id in it: give the client one that stays.
     *
     * @param numpool an open client
     */
    public NumpoolMetrics(Numpool numpool) {
        this(numpool, Tags.empty());
    }

    /**
     * Meters with tags of your own.
     *
     * @param numpool an open client
     * @param tags in addition; one called {@code client} replaces the client's name. Some registries want the same keys of all clients
     */
    public NumpoolMetrics(Numpool numpool, Iterable<Tag> tags) {
        this(numpool.getName(), tags, numpool::addListener, numpool::removeListener);
    }

    /**
     * Meters whose tag {@code client} is the client's name. The default name has the process id in it: give the client one that stays.
     *
     * @param numpool an open client
     */
    public NumpoolMetrics(NumpoolAsync numpool) {
        this(numpool, Tags.empty());
    }

    /**
     * Meters with tags of your own.
     *
     * @param numpool an open client
     * @param tags in addition; one called {@code client} replaces the client's name. Some registries want the same keys of all clients
     */
    public NumpoolMetrics(NumpoolAsync numpool, Iterable<Tag> tags) {
        this(numpool.name(), tags, numpool::addListener, numpool::removeListener);
    }

    private NumpoolMetrics(
            String client, Iterable<Tag> tags, Consumer<NumpoolListener> add, Consumer<NumpoolListener> remove) {
        this.add = add;
        this.remove = remove;
        this.tags = Tags.of("client", client).and(tags);
    }

    /**
     * Shows the client in a registry from now on.
     *
     * @param registry where
     * @throws IllegalStateException when an open client with the same tags is shown there
     * @throws io.numpool.NumpoolClosedException when the client is closed
     */
    @Override
    public void bindTo(MeterRegistry registry) {
        var meters = new ClientMeters(registry, tags);
        try {
            add.accept(meters);
        } catch (RuntimeException closed) {
            meters.close();
            throw closed;
        }
        synchronized (this) {
            bindings.add(meters);
        }
    }

    /** Takes its meters out of the registries. The client stays open. Does nothing the second time. */
    @Override
    public void close() {
        List<ClientMeters> bound;
        synchronized (this) {
            bound = List.copyOf(bindings);
            bindings.clear();
        }
        for (var meters : bound) {
            remove.accept(meters);
            meters.close();
        }
    }
}
