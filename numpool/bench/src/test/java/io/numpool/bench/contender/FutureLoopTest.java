package io.numpool.bench.contender;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.bench.tally.Tally;
import io.numpool.bench.tally.Waits;
import io.numpool.bench.tally.Window;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class FutureLoopTest {
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    /** More than fit on a stack. */
    private static final int MANY = 200_000;

    private final Window window = new Window();
    private final LongAdder pairs = new LongAdder();
    private final Tally tally = new Tally(window, Waits.atomic(), pairs, null);

    @Test
    void futuresThatAreCompleteAtOnceDoNotPileUpOnTheStack() {
        run(MANY, 0, () -> CompletableFuture.completedFuture("slot")).join();
        assertEquals(MANY, pairs.sum());
    }

    @Test
    void futuresThatCompleteElsewhereGoOnThere() {
        run(1000, 0, () -> CompletableFuture.supplyAsync(() -> "slot")).join();
        assertEquals(1000, pairs.sum());
    }

    @Test
    void aSlotIsHeldForItsTime() {
        var started = System.nanoTime();
        run(5, 10, () -> CompletableFuture.completedFuture("slot")).join();
        assertEquals(5, pairs.sum());
        assertTrue(System.nanoTime() - started >= TimeUnit.MILLISECONDS.toNanos(50));
    }

    @Test
    void aFailureEndsTheRound() {
        var failed = run(1, 0, () -> CompletableFuture.failedFuture(new IllegalStateException("no slots")));
        var failure = Assertions.assertThrows(CompletionException.class, failed::join);
        assertEquals("no slots", failure.getCause().getMessage());
    }

    private CompletableFuture<Void> run(int count, int holdMillis, Supplier<CompletionStage<String>> acquire) {
        var begin = System.nanoTime();
        var slots = new FutureSlots<String>(new Assignment(null, "test", 0, 1, 1, 1, holdMillis, "", null)) {
            private int left = count;

            @Override
            CompletionStage<String> acquire(int worker) {
                if (left-- == 0) {
                    window.set(begin, System.nanoTime()); // this one counts no more
                }
                return acquire.get();
            }

            @Override
            CompletionStage<?> release(String held) {
                return CompletableFuture.completedFuture(null);
            }

            @Override
            int slot(String held) {
                return 0;
            }

            @Override
            long token(String held) {
                return 1;
            }

            @Override
            public void close() {}
        };
        window.set(begin, begin + HOUR);
        return slots.start(List.of(tally));
    }
}
