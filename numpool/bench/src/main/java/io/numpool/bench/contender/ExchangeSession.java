package io.numpool.bench.contender;

import io.numpool.NumpoolAsync;
import java.sql.Connection;
import java.sql.SQLException;

/** What calls of {@code exchange} need to be let in: a session, which a numpool client keeps alive, and pools that this client knows nothing of. */
final class ExchangeSession implements AutoCloseable {
    private final NumpoolAsync client;
    private final Connections connections;
    private final long epoch;

    private ExchangeSession(NumpoolAsync client, Connections connections, long epoch) {
        this.client = client;
        this.connections = connections;
        this.epoch = epoch;
    }

    static ExchangeSession open(String url) throws SQLException {
        var client = NumpoolAsync.open(url, NumpoolSlots.options().build());
        var connections = new Connections(url);
        var epoch = epochOf(client.session(), connections.connect());
        return new ExchangeSession(client, connections, epoch);
    }

    int createPool(String id, int slots) throws SQLException {
        try (var connection = connections.connect();
                var statement =
                        connection.prepareStatement("SELECT pool_number FROM numpool.create_pool(?, ?, NULL)")) {
            statement.setString(1, id);
            statement.setInt(2, slots);
            try (var row = statement.executeQuery()) {
                row.next();
                return row.getInt(1);
            }
        }
    }

    /** A caller on a connection of its own. */
    ExchangeCaller caller() throws SQLException {
        return new ExchangeCaller(connections.connect(), client.session(), epoch);
    }

    private static long epochOf(long session, Connection connection) throws SQLException {
        try (var statement = connection.prepareStatement("SELECT epoch FROM numpool.session WHERE id = ?")) {
            statement.setLong(1, session);
            try (var row = statement.executeQuery()) {
                if (!row.next()) {
                    throw new IllegalStateException("No session " + session);
                }
                return row.getLong(1);
            }
        }
    }

    @Override
    public void close() {
        connections.close();
        client.close();
    }
}
