package io.numpool.codegen;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.exception.DataAccessException;
import org.jooq.meta.postgres.PostgresDatabase;
import org.jooq.tools.jdbc.JDBCUtils;

/**
 * The database that jOOQ's generator reads: an embedded PostgreSQL, started for one run of the generator, with the
 * migrations of {@code db/} applied.
 *
 * <p>Properties of the generator's {@code <database>}:
 *
 * <ul>
 *   <li>{@code lines}: the {@link Line}s to apply, separated by commas ({@code pool});
 *   <li>{@code schema}: where they go ({@code numpool}).
 * </ul>
 */
public class EmbeddedPostgresDatabase extends PostgresDatabase {

    private EmbeddedPostgres server;

    /** Made by jOOQ's generator, by name. */
    public EmbeddedPostgresDatabase() {}

    /** Asked for by the generator whenever it is about to read; the first time starts the server. */
    @Override
    protected DSLContext create0() {
        if (getConnection() == null) {
            setConnection(migratedConnection());
        }
        return super.create0();
    }

    /** Stops the server. */
    @Override
    public void close() {
        super.close();
        JDBCUtils.safeClose(getConnection());
        if (server != null) {
            stop(server);
        }
    }

    private static void stop(EmbeddedPostgres server) {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException("The generator's PostgreSQL did not stop", e);
        }
    }

    private Connection migratedConnection() {
        try {
            server = EmbeddedPostgres.start();
            DataSource dataSource = server.getPostgresDatabase();
            String schema = getProperties().getProperty("schema", Migrations.DEFAULT_SCHEMA);
            for (String line : getProperties().getProperty("lines", "pool").split(",")) {
                Migrations.of(Line.valueOf(line.strip().toUpperCase(Locale.ROOT)))
                        .migrate(dataSource, schema);
            }
            return dataSource.getConnection();
        } catch (IOException e) {
            throw new UncheckedIOException("The generator's PostgreSQL did not start", e);
        } catch (SQLException e) {
            throw new DataAccessException("The generator's PostgreSQL cannot be reached", e);
        }
    }
}
