package io.numpool.bench.contender;

import io.numpool.bench.report.Figure;
import io.numpool.bench.tally.Tally;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A contender as one process has it: slots, and workers that acquire and release them as fast as they can. */
public interface Slots extends AutoCloseable {
    /**
     * Does what is done before the clock runs, such as to connect.
     *
     * @param workers one tally for each
     * @throws Exception when it fails, and the round with it
     */
    default void prepare(List<Tally> workers) throws Exception {}

    /**
     * Lets the workers go. Each works until its tally says that the time is up, and gives back what it has then.
     *
     * @param workers the same as before
     * @return completes when all have ended; fails as soon as one does
     */
    CompletableFuture<Void> start(List<Tally> workers);

    /**
     * What it has seen beside what the tallies count.
     *
     * @return nothing, usually
     */
    default Map<Figure, Double> figures() {
        return Map.of();
    }

    @Override
    void close();
}
