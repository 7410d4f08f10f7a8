package io.numpool.bench.contender;

import io.numpool.ResourceAsync;
import io.numpool.bench.report.Figure;
import io.numpool.bench.tally.Tally;
import io.numpool.testkit.Await;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * numpool with many who wait for one slot. All wait before the clock runs, because somebody holds the slot; what they take of the heap is what
 * is used then and was not before. The benchmark's own part of that, its loops, is some hundred bytes each.
 */
final class NumpoolWaiters extends NumpoolSlots {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int COLLECTIONS = 3;

    /** Fewer take less than the heap varies by itself. */
    private static final int SEEN = 1000;

    private ResourceAsync holder;
    private CompletableFuture<Void> ended;
    private int waiting;
    private long bytes;

    NumpoolWaiters(Assignment assignment) {
        super(assignment, options().build());
        addPool(assignment.pool(0), 1);
    }

    static String settings() {
        return "As numpool; all wait before the window begins, for a slot that is held. Heap used after a full collection, less the same"
                + " before they asked.";
    }

    @Override
    public void prepare(List<Tally> workers) {
        holder = pool(0).acquire().join();
        var before = usedHeap();
        ended = super.start(workers);
        Await.until(
                workers.size() + " to wait",
                PATIENCE,
                () -> pool(0).status().join().waiting() == workers.size());
        bytes = usedHeap() - before;
        waiting = workers.size();
    }

    @Override
    public CompletableFuture<Void> start(List<Tally> workers) {
        holder.close();
        return ended;
    }

    @Override
    public Map<Figure, Double> figures() {
        return waiting < SEEN ? Map.of() : Map.of(Figure.HEAP_BYTES, (double) bytes);
    }

    private static long usedHeap() {
        for (var i = 0; i < COLLECTIONS; i++) {
            System.gc();
        }
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
