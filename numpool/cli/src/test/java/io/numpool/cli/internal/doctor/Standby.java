package io.numpool.cli.internal.doctor;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGProperty;
import org.postgresql.copy.CopyDual;

/** As much of a standby as it takes to hold back vacuum: it follows the primary and says which transactions it still sees. */
record Standby(Connection connection, CopyDual replication) implements AutoCloseable {
    /** @param slot null for none */
    static Standby of(Clinic primary, String slot) throws SQLException {
        var address = primary.address();
        var properties = new Properties();
        PGProperty.USER.set(properties, address.user());
        PGProperty.PASSWORD.set(properties, address.password());
        PGProperty.REPLICATION.set(properties, "true");
        PGProperty.ASSUME_MIN_SERVER_VERSION.set(properties, "15");
        PGProperty.PREFER_QUERY_MODE.set(properties, "simple");
        var connection = DriverManager.getConnection(address.jdbcUrl(), properties);
        var start = "START_REPLICATION " + (slot == null ? "" : "SLOT " + slot + " ") + "PHYSICAL "
                + primary.ask("SELECT pg_current_wal_flush_lsn()");
        return new Standby(
                connection, connection.unwrap(PGConnection.class).getCopyAPI().copyDual(start));
    }

    /** "Hot standby feedback message" of PostgreSQL's streaming replication protocol. */
    void feedBack(long oldest) throws SQLException {
        var message = ByteBuffer.allocate(25)
                .put((byte) 'h')
                .putLong(0)
                .putInt((int) oldest)
                .putInt((int) (oldest >> 32))
                .putInt(0)
                .putInt(0)
                .array();
        replication.writeToCopy(message, 0, message.length);
        replication.flushCopy();
    }

    @Override
    public void close() throws SQLException {
        connection.unwrap(PGConnection.class).cancelQuery();
        connection.close();
    }
}
