package io.numpool.bench.contender;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.postgresql.PGConnection;

/** A connection that listens, and wakes all who wait whenever a notification comes. */
final class WakeUps implements AutoCloseable {
    private static final int LOOK_MILLIS = 500;

    private final Connection connection;
    private final Thread thread;
    private volatile boolean closed;

    /** Guarded by this. */
    private long count;

    /** Guarded by this: why there will be no more. */
    private SQLException broken;

    private WakeUps(Connection connection) {
        this.connection = connection;
        this.thread = new Thread(this::run, "listener");
    }

    static WakeUps listen(String url, String channel) throws SQLException {
        var connection = DriverManager.getConnection(url);
        try (var statement = connection.createStatement()) {
            statement.execute("LISTEN " + channel);
        }
        var wakeUps = new WakeUps(connection);
        wakeUps.thread.start();
        return wakeUps;
    }

    /** How many there were. */
    synchronized long count() {
        return count;
    }

    /** Returns when there were more than that, or when the time is up. */
    synchronized void await(long seen, long millis) throws InterruptedException, SQLException {
        var until = System.nanoTime() + millis * 1_000_000;
        for (var left = millis; count == seen && left > 0; left = (until - System.nanoTime()) / 1_000_000) {
            wait(left);
        }
        if (broken != null) {
            throw new SQLException("The listener is gone", broken);
        }
    }

    private void run() {
        try {
            var listening = connection.unwrap(PGConnection.class);
            while (!closed) {
                if (listening.getNotifications(LOOK_MILLIS).length > 0) {
                    wakeAll(null);
                }
            }
        } catch (SQLException failed) {
            wakeAll(failed);
        }
    }

    private synchronized void wakeAll(SQLException failure) {
        count++;
        broken = failure;
        notifyAll();
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join();
            connection.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the listener ends", interrupted);
        } catch (SQLException failed) {
            throw new IllegalStateException("Cannot close the listener's connection", failed);
        }
    }
}
