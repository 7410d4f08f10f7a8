package io.numpool.bench.contender;

import io.numpool.NumpoolAsync;
import io.numpool.NumpoolOptions;
import io.numpool.ResourceAsync;
import io.numpool.ResourcePoolAsync;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** numpool by its futures, as {@code withResource} uses a slot: acquire, close, and close does not wait for the database. */
class NumpoolSlots extends FutureSlots<ResourceAsync> {
    private static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

    /** All clients of a round start at once, on a machine with few processors. */
    private static final Duration START = Duration.ofSeconds(60);

    private final NumpoolAsync client;

    /** Worker i uses the i-th, and from the beginning again. */
    private final List<ResourcePoolAsync> pools = new ArrayList<>();

    NumpoolSlots(Assignment assignment) {
        this(assignment, options().build());
        for (var i = 0; i < assignment.pools(); i++) {
            addPool(assignment.pool(i), assignment.slots());
        }
    }

    /** Without pools. */
    NumpoolSlots(Assignment assignment, NumpoolOptions options) {
        super(assignment);
        client = NumpoolAsync.open(assignment.address(), options);
    }

    static String settings() {
        var options = options().build();
        return "NumpoolAsync, opened by JDBC URL with the default options (storeConnections %d, pollInterval %d ms; %d s to open): "
                        .formatted(
                                options.getStoreConnections(),
                                options.getPollInterval().toMillis(),
                                START.toSeconds())
                + "acquire(), then close(), then acquire() again, by futures on numpool's own threads. As in withResource the"
                + " release is not waited for: the client tells it with its next call for the pool.";
    }

    /** The defaults, as far as speed goes. */
    static NumpoolOptions.Builder options() {
        return NumpoolOptions.builder().openTimeout(START);
    }

    final void addPool(String id, int slots) {
        pools.add(client.pool(id, slots).join());
    }

    final ResourcePoolAsync pool(int number) {
        return pools.get(number);
    }

    @Override
    final CompletionStage<ResourceAsync> acquire(int worker) {
        return pools.get(worker % pools.size()).acquire();
    }

    @Override
    final CompletionStage<?> release(ResourceAsync held) {
        held.close();
        return DONE;
    }

    @Override
    final int slot(ResourceAsync held) {
        return held.index();
    }

    @Override
    final long token(ResourceAsync held) {
        return held.token();
    }

    @Override
    public final void close() {
        client.close();
    }
}
