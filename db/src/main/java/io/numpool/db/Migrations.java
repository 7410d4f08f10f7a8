package io.numpool.db;

import io.numpool.db.internal.FlywayRun;
import io.numpool.db.internal.SchemaLock;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import javax.sql.DataSource;

/**
 * Applies a {@link Line} of migrations to a schema, and tells which version a schema has.
 *
 * <p>Only {@link #migrate} needs Flyway on the class path. Each script can as well be run by psql or Liquibase, with the target schema first
 * in the search path; what was installed that way is recognised here, and later versions go on from it.
 */
public final class Migrations {
    /** The schema of those who choose none. */
    public static final String DEFAULT_SCHEMA = "numpool";

    // One that migrates needs a second or two; a longer wait means that somebody hangs.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Line line;

    private Migrations(Line line) {
        this.line = line;
    }

    /**
     * The migrations of a line.
     *
     * @param line which
     * @return its migrations; touches no database
     */
    public static Migrations of(Line line) {
        return new Migrations(Objects.requireNonNull(line, "line"));
    }

    /**
     * Whether {@link #migrate} can work: Flyway and its PostgreSQL module are on the class path.
     *
     * @return true when both are
     */
    public static boolean flywayPresent() {
        return present("org.flywaydb.core.Flyway")
                && present("org.flywaydb.database.postgresql.PostgreSQLDatabaseType");
    }

    /**
     * Brings a schema to {@link #latestVersion}, and creates it when it is missing. Safe when many processes do so at once: one works, the
     * others wait for it, holding no connection while they do. A schema that is up to date, or newer, is left alone and costs one query.
     *
     * @param dataSource where; needs three connections at a time when there is something to do, and is not closed
     * @param schema the schema's name, unquoted; any that PostgreSQL allows
     * @return how many migrations were applied, 0 when there was nothing to do
     * @throws IllegalStateException without Flyway
     * @throws MigrationException when the database refuses or is away; carries its SQLSTATE
     */
    public int migrate(DataSource dataSource, String schema) {
        SchemaName.check(schema);
        try {
            if (upToDate(dataSource, schema)) {
                return 0;
            }
            if (!flywayPresent()) {
                throw new IllegalStateException(
                        "Migrating needs org.flywaydb:flyway-database-postgresql on the class path");
            }
            return SchemaLock.run(dataSource, schema, PATIENCE, locked -> migrateLocked(locked, dataSource, schema));
        } catch (SQLException refused) {
            throw new MigrationException("Cannot migrate", schema, refused);
        }
    }

    /**
     * The newest version in this jar.
     *
     * @return its number, at least 1
     */
    public int latestVersion() {
        return scriptVersions().max().orElseThrow();
    }

    /**
     * The version that a schema has, however it was installed.
     *
     * @param connection any connection to the database; left as it is
     * @param schema the schema's name, unquoted
     * @return the version, empty when nothing of this line is there
     * @throws MigrationException when it cannot be read: {@code 42501} without the right to
     */
    public Optional<Integer> installedVersion(Connection connection, String schema) {
        SchemaName.check(schema);
        try {
            return new VersionTable(line, schema).read(connection);
        } catch (SQLException refused) {
            throw new MigrationException("Cannot read the version of", schema, refused);
        }
    }

    /**
     * How a schema stands to this jar.
     *
     * @param connection any connection to the database; left as it is
     * @param schema the schema's name, unquoted
     * @return missing, older, current or newer
     * @throws MigrationException when it cannot be read
     */
    public SchemaState state(Connection connection, String schema) {
        return installedVersion(connection, schema).map(this::compare).orElse(SchemaState.MISSING);
    }

    /**
     * Every migration as text, for those without Flyway: set the search path to the target schema, then run them in this order.
     *
     * @return the scripts, oldest first
     */
    public List<Script> scripts() {
        return line.files().stream()
                .map(file -> new Script(versionOf(file), file, read(line.folder() + "/" + file)))
                .toList();
    }

    private int migrateLocked(Connection locked, DataSource dataSource, String schema) throws SQLException {
        var installed = new VersionTable(line, schema).read(locked).orElse(0);
        return installed >= latestVersion() ? 0 : runFlyway(dataSource, schema, installed);
    }

    private int runFlyway(DataSource dataSource, String schema, int installed) {
        try {
            return FlywayRun.migrate(dataSource, schema, line.folder(), line.historyTable(), installed);
        } catch (RuntimeException failed) {
            throw new MigrationException("Cannot migrate", schema, failed);
        }
    }

    private boolean upToDate(DataSource dataSource, String schema) throws SQLException {
        try (var connection = dataSource.getConnection()) {
            return new VersionTable(line, schema).read(connection).orElse(0) >= latestVersion();
        }
    }

    private SchemaState compare(int installed) {
        var order = Integer.compare(installed, latestVersion());
        return order < 0 ? SchemaState.OLDER : order == 0 ? SchemaState.CURRENT : SchemaState.NEWER;
    }

    private IntStream scriptVersions() {
        return line.files().stream().mapToInt(Migrations::versionOf);
    }

    private static int versionOf(String file) {
        return Integer.parseInt(file.substring(1, file.indexOf("__")));
    }

    private static String read(String resource) {
        try (InputStream in = Migrations.class.getClassLoader().getResourceAsStream(resource)) {
            return new String(Objects.requireNonNull(in, resource).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static boolean present(String type) {
        try {
            Class.forName(type, false, Migrations.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException absent) {
            return false;
        }
    }
}
