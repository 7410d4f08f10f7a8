package io.numpool.db;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.ds.PGSimpleDataSource;

/** One PostgreSQL for all tests of this module, which cannot use the testkit: that one stands on it. */
final class Server {
    private static final EmbeddedPostgres POSTGRES = start();
    private static final AtomicInteger DATABASES = new AtomicInteger();

    private Server() {}

    static PGSimpleDataSource newDatabase() throws SQLException {
        var name = "test" + DATABASES.incrementAndGet();
        execute(dataSource("postgres", "postgres"), "CREATE DATABASE " + name);
        return dataSource(name, "postgres");
    }

    static PGSimpleDataSource as(String user, PGSimpleDataSource database) {
        return dataSource(database.getDatabaseName(), user);
    }

    static void execute(PGSimpleDataSource database, String sql) throws SQLException {
        try (var connection = database.getConnection();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static PGSimpleDataSource dataSource(String database, String user) {
        var dataSource = new PGSimpleDataSource();
        dataSource.setURL(POSTGRES.getJdbcUrl(user, database));
        return dataSource;
    }

    private static EmbeddedPostgres start() {
        try {
            return EmbeddedPostgres.builder()
                    .setServerConfig("max_connections", "200")
                    .start();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
