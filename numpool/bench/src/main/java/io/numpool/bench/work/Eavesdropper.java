package io.numpool.bench.work;

import io.numpool.notify.PromptSocketFactory;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.postgresql.PGConnection;

/**
 * Listens along on the channels of all sessions, and keeps the notifications that tell of grants of one pool ({@code pool ticket slot} on a
 * line, see db/README.md).
 */
final class Eavesdropper implements AutoCloseable {
    /** By which its connections are told from those of clients. */
    static final String APPLICATION = "numpool-bench";

    private static final int LOOK_MILLIS = 100;

    private final Connection connection;
    private final String grantOfPool;
    private final Thread thread = new Thread(this::run, "eavesdropper");

    /** For each notification the tickets of the pool in it. */
    private final Queue<List<Long>> heard = new ConcurrentLinkedQueue<>();

    private volatile boolean closed;
    private volatile SQLException broken;

    private Eavesdropper(Connection connection, String pool) {
        this.connection = connection;
        this.grantOfPool = pool + " ";
    }

    static Eavesdropper listen(String url, String pool) throws SQLException {
        var connection =
                DriverManager.getConnection(named(url) + "&socketFactory=" + PromptSocketFactory.class.getName());
        try (var statement = connection.createStatement()) {
            for (var channel : column(statement, "SELECT channel FROM numpool.session WHERE dead IS NULL")) {
                statement.execute("LISTEN \"" + channel + "\"");
            }
            var number = column(statement, "SELECT pool_number FROM numpool.find_pool('" + pool + "')");
            var eavesdropper = new Eavesdropper(connection, number.get(0));
            eavesdropper.thread.start();
            return eavesdropper;
        }
    }

    private static List<String> column(Statement statement, String query) throws SQLException {
        var values = new ArrayList<String>();
        try (var rows = statement.executeQuery(query)) {
            while (rows.next()) {
                values.add(rows.getString(1));
            }
        }
        return values;
    }

    static String named(String url) {
        return url + "&ApplicationName=" + APPLICATION;
    }

    /**
     * How many notifications told of these grants: one that tells of several counts once, and a grant that is told of twice counts twice.
     *
     * @param tickets of grants of the pool
     */
    long heardOf(Set<Long> tickets) {
        if (broken != null) {
            throw new IllegalStateException("The eavesdropper's connection broke", broken);
        }
        return heard.stream()
                .filter(told -> told.stream().anyMatch(tickets::contains))
                .count();
    }

    private void run() {
        try {
            var listening = connection.unwrap(PGConnection.class);
            while (!closed) {
                for (var notification : listening.getNotifications(LOOK_MILLIS)) {
                    heard.add(ticketsIn(notification.getParameter()));
                }
            }
        } catch (SQLException failed) {
            broken = failed;
        }
    }

    private List<Long> ticketsIn(String payload) {
        return payload.lines()
                .filter(line -> line.startsWith(grantOfPool))
                .map(line -> Long.valueOf(line.split(" ")[1]))
                .toList();
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join();
            connection.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the eavesdropper ends", interrupted);
        } catch (SQLException failed) {
            throw new IllegalStateException("Cannot close the eavesdropper's connection", failed);
        }
    }
}
