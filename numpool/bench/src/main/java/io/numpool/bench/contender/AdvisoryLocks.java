package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** An advisory lock for each slot: tried in turn, by a connection for each worker, which keeps the lock. Nobody is told that one is free. */
final class AdvisoryLocks extends BlockingSlots {
    private static final long SHORTEST_PAUSE = TimeUnit.MICROSECONDS.toNanos(500);
    private static final long LONGEST_PAUSE = TimeUnit.MICROSECONDS.toNanos(2000);

    private final Connections connections;
    private final int slots;

    AdvisoryLocks(Assignment assignment) {
        super(assignment);
        connections = new Connections(assignment.address());
        slots = assignment.slots();
    }

    static String settings() {
        return "A connection and a thread for each worker: pg_try_advisory_lock(slot) for each slot in turn from a random one on, a random"
                + " pause of 0.5 to 2 ms when none is free, pg_advisory_unlock(slot); prepared statements.";
    }

    @Override
    Worker worker() throws SQLException {
        var connection = connections.connect();
        var lock = connection.prepareStatement("SELECT pg_try_advisory_lock(?)");
        var unlock = connection.prepareStatement("SELECT pg_advisory_unlock(?)");
        return new Worker() {
            private int held;

            @Override
            public int acquire() throws SQLException {
                held = firstFree(lock);
                while (held == Tally.NO_SLOT) {
                    var pause = ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE, LONGEST_PAUSE);
                    LockSupport.parkNanos(pause);
                    held = firstFree(lock);
                }
                return held;
            }

            @Override
            public void release() throws SQLException {
                if (!answer(unlock, held)) {
                    throw new IllegalStateException("Slot " + held + " was not locked");
                }
            }
        };
    }

    private int firstFree(PreparedStatement lock) throws SQLException {
        var first = ThreadLocalRandom.current().nextInt(slots);
        for (var i = 0; i < slots; i++) {
            var slot = (first + i) % slots;
            if (answer(lock, slot)) {
                return slot;
            }
        }
        return Tally.NO_SLOT;
    }

    private static boolean answer(PreparedStatement statement, long slot) throws SQLException {
        statement.setLong(1, slot);
        try (var row = statement.executeQuery()) {
            row.next();
            return row.getBoolean(1);
        }
    }

    @Override
    public void close() {
        connections.close();
    }
}
