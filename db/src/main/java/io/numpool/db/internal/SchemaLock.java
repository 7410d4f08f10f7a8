package io.numpool.db.internal;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/**
 * Lets one process at a time create and migrate a schema.
 *
 * <p>Flyway locks its history table, but not the creation of the schema, nor of that table by two of different versions. The lock belongs to
 * a transaction, so that it works through a transaction-mode pooler too. Those who don't get it hand their connection back and try again
 * later: the one who works may need it from the same small pool.
 */
public final class SchemaLock {
    private static final long MIN_PAUSE_MILLIS = 10;
    private static final long MAX_PAUSE_MILLIS = 60;
    private static final String LOCK_NOT_AVAILABLE = "55P03";

    private SchemaLock() {}

    /** What to do under the lock. */
    @FunctionalInterface
    public interface Work {
        /**
         * Does it.
         *
         * @param locked the connection that holds the lock, for questions
         * @return its result
         * @throws SQLException when it fails
         */
        int run(Connection locked) throws SQLException;
    }

    /**
     * Creates the schema when it is missing, then runs the work on other connections, while nobody else does.
     *
     * @param dataSource where
     * @param schema its name
     * @param patience how long to wait for the lock
     * @param work what to do
     * @return the result of the work
     * @throws SQLException when the database refuses, or the lock is not free in time
     */
    public static int run(DataSource dataSource, String schema, Duration patience, Work work) throws SQLException {
        var deadline = System.nanoTime() + patience.toNanos();
        while (deadline - System.nanoTime() > 0) {
            try (var connection = dataSource.getConnection()) {
                var done = inTransaction(connection, () -> attempt(connection, schema, work));
                if (done.isPresent()) {
                    return done.getAsInt();
                }
            }
            pause();
        }
        throw new SQLTimeoutException(
                "somebody else has been migrating it for " + patience.toSeconds() + " s", LOCK_NOT_AVAILABLE);
    }

    // A schema that was missing is created and committed first, so that the connections of the work see it.
    private static OptionalInt attempt(Connection connection, String schema, Work work) throws SQLException {
        if (!tryLock(connection, schema)) {
            return OptionalInt.empty();
        }
        if (!exists(connection, schema)) {
            create(connection, schema);
            return OptionalInt.empty();
        }
        try (var settings = connection.createStatement()) {
            settings.execute("SET LOCAL idle_in_transaction_session_timeout = 0");
        }
        return OptionalInt.of(work.run(connection));
    }

    private interface Attempt {
        OptionalInt run() throws SQLException;
    }

    private static OptionalInt inTransaction(Connection connection, Attempt attempt) throws SQLException {
        var autoCommit = connection.getAutoCommit();
        connection.setAutoCommit(false);
        try {
            var result = attempt.run();
            connection.commit();
            connection.setAutoCommit(autoCommit);
            return result;
        } catch (SQLException | RuntimeException failed) {
            rollback(connection, autoCommit, failed);
            throw failed;
        }
    }

    private static void rollback(Connection connection, boolean autoCommit, Exception failed) {
        try {
            connection.rollback();
            connection.setAutoCommit(autoCommit);
        } catch (SQLException broken) {
            failed.addSuppressed(broken);
        }
    }

    private static boolean tryLock(Connection connection, String schema) throws SQLException {
        try (var lock = connection.prepareStatement("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))")) {
            lock.setString(1, key(schema));
            try (var row = lock.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    // CREATE SCHEMA IF NOT EXISTS would ask for the right to create one even when it is there.
    private static boolean exists(Connection connection, String schema) throws SQLException {
        try (var statement = connection.prepareStatement("SELECT FROM pg_catalog.pg_namespace WHERE nspname = ?")) {
            statement.setString(1, schema);
            try (var row = statement.executeQuery()) {
                return row.next();
            }
        }
    }

    private static void create(Connection connection, String schema) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA \"" + schema.replace("\"", "\"\"") + '"');
        }
    }

    private static String key(String schema) {
        return "numpool migrates " + schema;
    }

    private static void pause() throws SQLException {
        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(MIN_PAUSE_MILLIS, MAX_PAUSE_MILLIS) * 1_000_000);
        if (Thread.interrupted()) {
            Thread.currentThread().interrupt();
            throw new SQLException("interrupted while waiting for another to migrate it");
        }
    }
}
