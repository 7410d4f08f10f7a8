package io.numpool.bench.contender;

import io.numpool.bench.tally.Sleep;
import io.numpool.bench.tally.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Contenders that block: a thread for each worker. */
abstract class BlockingSlots implements Slots {
    /** What one thread does. */
    interface Worker {
        /** Waits for a slot; answers its number, or {@link Tally#NO_SLOT}. */
        int acquire() throws Exception;

        /** Gives back what was acquired last. */
        void release() throws Exception;
    }

    private final long holdNanos;
    private final List<Worker> ready = new ArrayList<>();

    BlockingSlots(Assignment assignment) {
        holdNanos = assignment.holdNanos();
    }

    /** A worker, with all that it needs to start. */
    abstract Worker worker() throws Exception;

    @Override
    public final void prepare(List<Tally> workers) throws Exception {
        for (var i = 0; i < workers.size(); i++) {
            ready.add(worker());
        }
    }

    @Override
    public final CompletableFuture<Void> start(List<Tally> workers) {
        return WorkerThreads.start(workers, (number, tally) -> work(ready.get(number), tally));
    }

    private void work(Worker worker, Tally tally) throws Exception {
        while (tally.asks()) {
            tally.granted(worker.acquire(), Tally.NO_TOKEN);
            Sleep.until(System.nanoTime() + holdNanos);
            tally.releases();
            worker.release();
            tally.released();
        }
    }
}
