package io.numpool.bench.work;

import io.numpool.NumpoolOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** How many connections the clients of a round have to their database, the benchmark's own left out. */
final class ConnectionCount implements AutoCloseable {
    private static final String QUERY = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> '%s'""".formatted(Eavesdropper.APPLICATION);

    private final Connection connection;
    private int most;

    private ConnectionCount(Connection connection) {
        this.connection = connection;
    }

    static ConnectionCount of(String url) throws SQLException {
        return new ConnectionCount(DriverManager.getConnection(Eavesdropper.named(url)));
    }

    /** What so many clients with the default options may have: their connections for calls, and the one that listens. */
    static int allowed(int clients) {
        return clients * (NumpoolOptions.defaults().getStoreConnections() + 1);
    }

    void look() {
        try (var statement = connection.createStatement();
                var row = statement.executeQuery(QUERY)) {
            row.next();
            most = Math.max(most, row.getInt(1));
        } catch (SQLException failed) {
            throw new IllegalStateException("Cannot count connections", failed);
        }
    }

    int most() {
        return most;
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException failed) {
            throw new IllegalStateException("Cannot close the connection that counts", failed);
        }
    }
}
