package io.numpool.cli.internal.demo;

import io.numpool.AcquireOptions;
import io.numpool.ResourceAsync;
import io.numpool.ResourcePoolAsync;
import io.numpool.Waiter;
import io.numpool.cli.internal.Answer;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** One of the processes of the demo: asks for a slot, uses it for a moment, gives it back, again and again, and writes it all down. */
public final class DemoWorker {
    private static final int MISBEHAVES_AT = 3;
    private static final int LEAST_HOLD_MILLIS = 20;
    private static final int MOST_HOLD_MILLIS = 120;
    private static final long MISUSE_MILLIS = 400;

    /** It is done again, in case it went unseen because this process was held up in the middle. */
    private static final int MISBEHAVES_TIMES = 2;

    /** So often it waits for enough others to overtake; there may never be as many. */
    private static final int CHOOSY_ATTEMPTS = 100;

    private final int number;
    private final ResourcePoolAsync pool;
    private final History history;
    private final Orders orders;
    private final Random random;
    private Misbehaviour misbehaviour;
    private int grants;
    private int misbehaved;

    DemoWorker(int number, ResourcePoolAsync pool, History history, Orders orders, Misbehaviour misbehaviour) {
        this.number = number;
        this.pool = pool;
        this.history = history;
        this.orders = orders;
        this.misbehaviour = misbehaviour;
        this.random = new Random(number);
    }

    static String label(int worker) {
        return "worker " + worker;
    }

    void work() {
        while (!orders.stop().isDone()) {
            var ask = System.nanoTime();
            var request = ask(label(number));
            CompletableFuture.anyOf(request, orders.stop())
                    .exceptionally(e -> null)
                    .join();
            if (request.isDone()) {
                use(Answer.of(request), ask);
            } else {
                request.cancel(true);
            }
        }
    }

    private CompletableFuture<ResourceAsync> ask(String label) {
        return pool.acquire(AcquireOptions.builder().label(label).build());
    }

    private void use(ResourceAsync slot, long ask) {
        history.started(slot.index(), slot.token(), ask);
        if (orders.holdOn()) {
            orders.tellHolding(slot.index());
            orders.stop().join();
        }
        if (++grants >= MISBEHAVES_AT && misbehaviour != Misbehaviour.none) {
            misbehave(slot);
        } else {
            hold(LEAST_HOLD_MILLIS + random.nextInt(MOST_HOLD_MILLIS - LEAST_HOLD_MILLIS));
            history.ended(slot.token());
        }
        Answer.of(slot.release());
    }

    private void misbehave(ResourceAsync slot) {
        switch (misbehaviour) {
            case doubled -> {
                Answer.of(slot.release());
                hold(MISUSE_MILLIS);
                history.ended(slot.token());
            }
            case overtake -> pushIn(slot);
        }
        if (++misbehaved == MISBEHAVES_TIMES) {
            misbehaviour = Misbehaviour.none;
            orders.tellMisbehaved();
        }
    }

    /** Queues up behind the others, and takes the slot at hand for it; as often as nobody is there to be overtaken, anew. */
    private void pushIn(ResourceAsync slot) {
        var ticket = OptionalLong.empty();
        for (int attempt = 1; ticket.isEmpty() && !orders.stop().isDone(); attempt++) {
            var ask = System.nanoTime();
            var label = "pushing in, attempt " + attempt;
            var request = ask(label);
            // as many as there are slots: then one of them is not about to be served by a slot that is on its way back
            // already
            ticket = ticketBehindOthers(attempt <= CHOOSY_ATTEMPTS ? pool.capacity() : 1, label, request);
            ticket.ifPresent(pushed -> takeFor(pushed, slot, ask));
            withdraw(request);
        }
        if (ticket.isEmpty()) {
            history.ended(slot.token());
        }
    }

    /** Empty when fewer others came before the request, or when it was served meanwhile. */
    private OptionalLong ticketBehindOthers(int others, String label, CompletableFuture<ResourceAsync> request) {
        while (!request.isDone()) {
            var queue = Answer.of(pool.queue());
            var place = queue.stream().map(Waiter::label).toList().indexOf(label);
            if (place >= 0) {
                return place < others
                        ? OptionalLong.empty()
                        : OptionalLong.of(queue.get(place).ticket());
            }
            hold(1);
        }
        return OptionalLong.empty();
    }

    private void takeFor(long ticket, ResourceAsync slot, long ask) {
        history.ended(slot.token());
        history.started(slot.index(), ticket, ask);
        hold(MISUSE_MILLIS);
        history.ended(ticket);
    }

    private static void withdraw(CompletableFuture<ResourceAsync> request) {
        if (!request.cancel(true)) {
            giveBack(request);
        }
    }

    private static void giveBack(CompletableFuture<ResourceAsync> request) {
        try {
            request.join().close();
        } catch (CancellationException gone) {
            // nothing was granted
        }
    }

    private void hold(long millis) {
        var until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        for (var left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
