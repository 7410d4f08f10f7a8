package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Contenders that answer with futures: no thread waits, and a worker goes on wherever its future completes.
 *
 * @param <H> a slot that is held
 */
abstract class FutureSlots<H> implements Slots {
    private final long holdNanos;

    FutureSlots(Assignment assignment) {
        holdNanos = assignment.holdNanos();
    }

    abstract CompletionStage<H> acquire(int worker);

    abstract CompletionStage<?> release(H held);

    abstract int slot(H held);

    abstract long token(H held);

    long holdNanos() {
        return holdNanos;
    }

    @Override
    public CompletableFuture<Void> start(List<Tally> workers) {
        var ending = new Ending(workers.size());
        for (var i = 0; i < workers.size(); i++) {
            new FutureLoop<>(this, i, workers.get(i), ending).step();
        }
        return ending.future();
    }
}
