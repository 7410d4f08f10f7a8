package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread for each worker. It stays when its work is done, until the process ends: what an ended thread has allocated nobody could tell any
 * more.
 */
final class WorkerThreads {
    /** What a worker does, to its end. */
    interface Body {
        void run(int worker, Tally tally) throws Exception;
    }

    private WorkerThreads() {}

    static CompletableFuture<Void> start(List<Tally> workers, Body body) {
        var ending = new Ending(workers.size());
        for (var i = 0; i < workers.size(); i++) {
            var worker = i;
            var thread = new Thread(() -> run(worker, workers.get(worker), body, ending), "worker-" + worker);
            thread.setDaemon(true);
            thread.start();
        }
        return ending.future();
    }

    private static void run(int worker, Tally tally, Body body, Ending ending) {
        try {
            body.run(worker, tally);
            ending.ended();
        } catch (Throwable failed) { // told by the process, which ends then
            ending.failed(failed);
        }
        while (true) {
            LockSupport.park();
        }
    }
}
