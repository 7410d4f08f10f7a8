package io.numpool.bench.contender;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** Plain connections that are closed together. Any thread may open one. */
final class Connections implements AutoCloseable {
    private final String url;

    /** Guarded by itself. */
    private final List<Connection> open = new ArrayList<>();

    Connections(String url) {
        this.url = url;
    }

    Connection connect() throws SQLException {
        var connection = DriverManager.getConnection(url);
        synchronized (open) {
            open.add(connection);
        }
        return connection;
    }

    @Override
    public void close() {
        synchronized (open) {
            try {
                for (var connection : open) {
                    connection.close();
                }
            } catch (SQLException failed) {
                throw new IllegalStateException("Cannot close a connection", failed);
            }
        }
    }
}
