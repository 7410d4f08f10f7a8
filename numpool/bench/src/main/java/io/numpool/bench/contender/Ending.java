package io.numpool.bench.contender;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/** Completes when all workers have ended, and fails with the first that fails: others may wait for it for ever. */
final class Ending {
    private final AtomicInteger running;
    private final CompletableFuture<Void> future = new CompletableFuture<>();

    Ending(int workers) {
        running = new AtomicInteger(workers);
    }

    void ended() {
        if (running.decrementAndGet() == 0) {
            future.complete(null);
        }
    }

    void failed(Throwable cause) {
        future.completeExceptionally(cause);
    }

    CompletableFuture<Void> future() {
        return future;
    }
}
