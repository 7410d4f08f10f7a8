package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * One worker that lives in the callbacks of its futures.
 *
 * <p>A future may be complete already; its callback then runs inside the step that made it. Such a step only leaves word that there is a next
 * one, and the step under way goes on with it: else each pair would stand on the stack of the pair before.
 */
final class FutureLoop<H> {
    private final FutureSlots<H> slots;
    private final int worker;
    private final Tally tally;
    private final Ending ending;

    /** How many steps are due, with the one under way: at most two. It orders what the steps do, on whatever threads. */
    private final AtomicInteger due = new AtomicInteger();

    private Runnable next = this::ask;

    FutureLoop(FutureSlots<H> slots, int worker, Tally tally, Ending ending) {
        this.slots = slots;
        this.worker = worker;
        this.tally = tally;
        this.ending = ending;
    }

    void step() {
        if (due.getAndIncrement() > 0) {
            return;
        }
        do {
            try {
                next.run();
            } catch (Throwable failed) { // in a callback nobody else would hear of it
                ending.failed(failed);
            }
        } while (due.decrementAndGet() > 0);
    }

    private void ask() {
        if (tally.asks()) {
            then(slots.acquire(worker), this::granted);
        } else {
            ending.ended();
        }
    }

    private void granted(H held) {
        tally.granted(slots.slot(held), slots.token(held));
        if (slots.holdNanos() == 0) {
            release(held);
        } else {
            then(after(slots.holdNanos()), done -> release(held));
        }
    }

    private void release(H held) {
        tally.releases();
        then(slots.release(held), done -> {
            tally.released();
            ask();
        });
    }

    private <T> void then(CompletionStage<T> stage, Consumer<? super T> action) {
        stage.whenComplete((value, failure) -> {
            next = failure == null ? () -> action.accept(value) : () -> ending.failed(failure);
            step();
        });
    }

    private static CompletionStage<Void> after(long nanos) {
        return new CompletableFuture<Void>().completeOnTimeout(null, nanos, TimeUnit.NANOSECONDS);
    }
}
