package io.numpool.bench.contender;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.numpool.bench.tally.Tally;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/**
 * A row for each slot, as plainly as people write it: lock a row, write into it, commit; the same for the release, which also notifies;
 * and whoever found none free tries again when a notification comes.
 */
final class RowLocks extends BlockingSlots {
    static final String CHANNEL = "slot_is_free";
    private static final long BACKUP_MILLIS = 1000;
    private static final String TAKE = "SELECT id FROM slot WHERE holder IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED";

    private final HikariDataSource dataSource;
    private final WakeUps wakeUps;
    private final String holder;

    RowLocks(Assignment assignment) throws SQLException {
        super(assignment);
        var config = new HikariConfig();
        config.setJdbcUrl(assignment.address());
        dataSource = new HikariDataSource(config);
        wakeUps = WakeUps.listen(assignment.address(), CHANNEL);
        holder = "process " + assignment.process();
    }

    /** Makes the table, before any process starts. */
    static void setUp(Assignment assignment) throws SQLException {
        try (var connection = DriverManager.getConnection(assignment.address());
                var statement = connection.createStatement()) {
            statement.execute("CREATE TABLE slot (id integer PRIMARY KEY, holder text)");
            statement.execute("INSERT INTO slot SELECT generate_series(0, %d)".formatted(assignment.slots() - 1));
        }
    }

    static String settings() {
        return "HikariCP with its default size of 10, a thread for each worker. Acquire: BEGIN; " + TAKE
                + "; UPDATE; COMMIT. Release: BEGIN; SELECT … FOR UPDATE; UPDATE; NOTIFY; COMMIT. Who finds none waits for the process's LISTEN"
                + " connection, which wakes all, or for %d ms, and tries again.".formatted(BACKUP_MILLIS);
    }

    @Override
    Worker worker() {
        return new Worker() {
            private int slot;

            @Override
            public int acquire() throws SQLException, InterruptedException {
                var seen = wakeUps.count(); // before the look: what comes during it is not slept through
                slot = tryTake();
                while (slot == Tally.NO_SLOT) {
                    wakeUps.await(seen, BACKUP_MILLIS);
                    seen = wakeUps.count();
                    slot = tryTake();
                }
                return slot;
            }

            @Override
            public void release() throws SQLException {
                giveBack(slot);
            }
        };
    }

    private int tryTake() throws SQLException {
        try (var connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            var slot = lockFree(connection);
            if (slot != Tally.NO_SLOT) {
                write(connection, slot, holder);
            }
            connection.commit();
            return slot;
        }
    }

    private static int lockFree(Connection connection) throws SQLException {
        try (var statement = connection.prepareStatement(TAKE);
                var rows = statement.executeQuery()) {
            return rows.next() ? rows.getInt(1) : Tally.NO_SLOT;
        }
    }

    private void giveBack(int slot) throws SQLException {
        try (var connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            lock(connection, slot);
            write(connection, slot, null);
            try (var statement = connection.createStatement()) {
                statement.execute("NOTIFY " + CHANNEL);
            }
            connection.commit();
        }
    }

    private void lock(Connection connection, int slot) throws SQLException {
        try (var statement = connection.prepareStatement("SELECT holder FROM slot WHERE id = ? FOR UPDATE")) {
            statement.setInt(1, slot);
            try (var row = statement.executeQuery()) {
                if (!row.next() || !holder.equals(row.getString(1))) {
                    throw new IllegalStateException("Slot " + slot + " is not held by " + holder);
                }
            }
        }
    }

    private static void write(Connection connection, int slot, String value) throws SQLException {
        try (var statement = connection.prepareStatement("UPDATE slot SET holder = ? WHERE id = ?")) {
            statement.setString(1, value);
            statement.setInt(2, slot);
            statement.executeUpdate();
        }
    }

    @Override
    public void close() {
        wakeUps.close();
        dataSource.close();
    }
}
