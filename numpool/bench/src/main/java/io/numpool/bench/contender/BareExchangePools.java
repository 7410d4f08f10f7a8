package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;

/** {@code exchange} called bare over many pools of one slot, one pair a call, in random order. Each worker has a connection and a share of the pools. */
final class BareExchangePools implements Slots {
    private record Pool(int number, HeldBatch held) {}

    private final ExchangeSession session;
    private final List<ExchangeCaller> callers = new ArrayList<>();
    private final List<List<Pool>> shares = new ArrayList<>();

    BareExchangePools(Assignment assignment) throws SQLException {
        session = ExchangeSession.open(assignment.address());
        for (var i = 0; i < assignment.workers(); i++) {
            callers.add(session.caller());
            shares.add(new ArrayList<>());
        }
        for (var i = 0; i < assignment.pools(); i++) {
            var pool = new Pool(session.createPool(assignment.pool(i), 1), new HeldBatch());
            shares.get(i % shares.size()).add(pool);
        }
    }

    static String settings() {
        return "As bare exchange, one pair a call, each call for a random pool of one slot; as many connections, with a thread and a share of the"
                + " pools each, as numpool uses.";
    }

    @Override
    public CompletableFuture<Void> start(List<Tally> workers) {
        return WorkerThreads.start(workers, (number, tally) -> work(callers.get(number), shares.get(number), tally));
    }

    private static void work(ExchangeCaller caller, List<Pool> share, Tally tally) throws SQLException {
        while (tally.asks()) {
            var pool = share.get(ThreadLocalRandom.current().nextInt(share.size()));
            var held = pool.held;
            caller.call(pool.number, held.kinds(), held.slots(), held.tickets(), 1);
            tally.answered(1, System.nanoTime());
            held.take(caller, 1, 1);
        }
    }

    @Override
    public void close() {
        session.close();
    }
}
