package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The limit: {@code exchange} called bare, with as many items as there are workers. Each call settles all that the call before it got, and asks
 * for as much again. With a slot for each worker these are releases. With fewer it is what a client's call does for a queue of its own: the
 * slots come back, those who waited leave, and all ask anew, so for each pair one row goes and one comes.
 */
final class BareExchange implements Slots {
    private final ExchangeSession session;
    private final ExchangeCaller caller;
    private final int pool;
    private final int batch;
    private final int slots;
    private final HeldBatch held = new HeldBatch();

    private BareExchange(Assignment assignment, int slots) throws SQLException {
        session = ExchangeSession.open(assignment.address());
        pool = session.createPool(assignment.pool(0), slots);
        caller = session.caller();
        batch = assignment.workers();
        this.slots = slots;
    }

    /** As many slots as workers. */
    static BareExchange served(Assignment assignment) throws SQLException {
        return new BareExchange(assignment, assignment.workers());
    }

    /** As many slots as the others have. */
    static BareExchange queued(Assignment assignment) throws SQLException {
        return new BareExchange(assignment, assignment.slots());
    }

    static String settings() {
        return "exchange over pgjdbc, one connection and thread, autocommit, a prepared statement with array parameters, in the session of an"
                + " idle numpool client. Each call releases the slots of the call before, and acquires as many: as many as there are workers,"
                + " of a pool with as many slots.";
    }

    static String queuedSettings() {
        return "As bare exchange, with the slots of the work: each call releases the slots that the call before got, cancels the tickets that it"
                + " left waiting, and acquires for all workers anew. The same rows as in a lane's call, a pair for each acquire.";
    }

    @Override
    public CompletableFuture<Void> start(List<Tally> workers) {
        return WorkerThreads.start(workers.subList(0, 1), (number, tally) -> work(tally));
    }

    private void work(Tally tally) throws SQLException {
        while (tally.asks()) {
            caller.call(pool, held.kinds(), held.slots(), held.tickets(), batch);
            tally.answered(batch, System.nanoTime());
            held.take(caller, batch, Math.min(batch, slots));
        }
    }

    @Override
    public void close() {
        session.close();
    }
}
