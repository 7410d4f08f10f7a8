package io.numpool.testkit.internal;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Asks one database for values. To connect costs many times what an answer costs, and tests ask every few milliseconds, so
 * connections that are idle are asked again; as many are open as questions are under way at once.
 */
public final class Asking implements AutoCloseable {
    private final PGSimpleDataSource source;

    /** Guarded by this; what was used last comes first. */
    private final Deque<Connection> idle = new ArrayDeque<>();

    /** Guarded by this. */
    private boolean closed;

    /**
     * For one database.
     *
     * @param source its connections
     */
    public Asking(PGSimpleDataSource source) {
        this.source = source;
        source.setApplicationName("numpool-testkit asks");
    }

    /**
     * Asks for one value, in autocommit.
     *
     * @param sql a query
     * @return the first column of the first row as text; null for NULL or when there is no row
     * @throws SQLException when it fails
     */
    public String ask(String sql) throws SQLException {
        var connection = take();
        var value = answer(connection, sql);
        giveBack(connection);
        return value;
    }

    @Override
    public void close() {
        Deque<Connection> open;
        synchronized (this) {
            closed = true;
            open = new ArrayDeque<>(idle);
            idle.clear();
        }
        open.forEach(Asking::end);
    }

    private static String answer(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        } catch (SQLException failed) {
            connection.close();
            throw failed;
        }
    }

    // Idle ones may be of a server that has ended since: so the question itself is never asked twice.
    private Connection take() throws SQLException {
        for (var kept = poll(); kept != null; kept = poll()) {
            if (kept.isValid(0)) {
                return kept;
            }
            kept.close();
        }
        return source.getConnection();
    }

    private synchronized Connection poll() {
        return idle.poll();
    }

    private void giveBack(Connection connection) {
        synchronized (this) {
            if (!closed) {
                idle.push(connection);
                return;
            }
        }
        end(connection);
    }

    private static void end(Connection connection) {
        try {
            connection.close();
        } catch (SQLException failed) {
            throw new IllegalStateException("Closing a connection: " + failed.getMessage(), failed);
        }
    }
}
