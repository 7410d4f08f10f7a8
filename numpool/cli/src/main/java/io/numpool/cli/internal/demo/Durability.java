package io.numpool.cli.internal.demo;

import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** What the server says of itself. A demo on a server that forgets proves nothing. */
record Durability(String serverVersion, String fsync, String synchronousCommit) {
    static Durability of(DatabaseAddress address) {
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password())) {
            var durability = new Durability(
                    show(connection, "server_version"),
                    show(connection, "fsync"),
                    show(connection, "synchronous_commit"));
            if (!durability.fsync.equals("on") || !durability.synchronousCommit.equals("on")) {
                throw new IllegalStateException("not durable: " + durability);
            }
            return durability;
        } catch (SQLException e) {
            throw Failure.usage("the demo's database: " + e.getMessage());
        }
    }

    private static String show(Connection connection, String setting) throws SQLException {
        try (var statement = connection.createStatement();
                var answer = statement.executeQuery("SHOW " + setting)) {
            answer.next();
            return answer.getString(1);
        }
    }
}
