package io.numpool.cli.internal.watch;

import io.numpool.PoolStatus;
import io.numpool.ResourcePoolAsync;
import io.numpool.StoreUnavailableException;
import io.numpool.cli.internal.run.Interruptions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Looks at a pool again and again. A database that goes away is waited for. */
public record Watch(ResourcePoolAsync pool, Duration interval, WatchView view, Interruptions interruptions) {
    /** Until nobody reads any more, the pool is deleted or a signal comes; the last two are thrown. */
    public void run() {
        while (view.look(answer())) {
            pause();
        }
    }

    private PoolStatus answer() {
        var begin = System.nanoTime();
        while (true) {
            try {
                var asked = pool.status();
                var answer = within(asked);
                while (answer.isEmpty()) {
                    view.silence(Duration.ofNanos(System.nanoTime() - begin));
                    answer = within(asked);
                }
                return answer.get();
            } catch (StoreUnavailableException e) {
                view.silence(Duration.ofNanos(System.nanoTime() - begin));
            }
        }
    }

    /** Empty when the answer takes longer than an interval. */
    private Optional<PoolStatus> within(CompletableFuture<PoolStatus> asked) {
        return interruptions.await(
                asked.thenApply(Optional::of).completeOnTimeout(Optional.empty(), millis(), TimeUnit.MILLISECONDS));
    }

    private void pause() {
        interruptions.await(new CompletableFuture<Void>().completeOnTimeout(null, millis(), TimeUnit.MILLISECONDS));
    }

    private long millis() {
        return interval.toMillis();
    }
}
