package io.numpool.db;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class MigrationsTest {
    private static final String ODD = "My \"own\" Pools, O'Neill; é";

    private final Migrations migrations = Migrations.of(Line.POOL);

    @ParameterizedTest
    @ValueSource(strings = {"numpool", "public", "My Pools", ODD, "select", "$1", "a\\b", "${x}"})
    void a_schema_may_have_any_name(String schema) throws Exception {
        var database = Server.newDatabase();

        assertEquals(migrations.latestVersion(), migrations.migrate(database, schema));

        assertEquals(Optional.of(migrations.latestVersion()), installed(database, schema));
        assertEquals(SchemaState.CURRENT, state(database, schema));
        assertTrue(tables(database, schema).containsAll(List.of("pool", "pool_version", "numpool_pool_history")));
    }

    @Test
    void migrating_twice_does_nothing_the_second_time() throws Exception {
        var database = Server.newDatabase();
        migrations.migrate(database, "numpool");

        assertEquals(0, migrations.migrate(database, "numpool"));
    }

    @Test
    void a_schema_with_tables_of_others_takes_it_in() throws Exception {
        var database = Server.newDatabase();
        Server.execute(
                database,
                "CREATE SCHEMA shop; CREATE TABLE shop.flyway_schema_history (x int); CREATE TABLE shop.customer (id int)");

        assertEquals(migrations.latestVersion(), migrations.migrate(database, "shop"));

        assertEquals(SchemaState.CURRENT, state(database, "shop"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"numpool", ODD})
    void twenty_at_once_are_safe(String schema) throws Exception {
        var database = Server.newDatabase();
        var applied = atOnce(20, () -> migrations.migrate(database, schema));

        assertEquals(
                migrations.latestVersion(),
                applied.stream().mapToInt(Integer::intValue).sum());
        assertEquals(SchemaState.CURRENT, state(database, schema));
    }

    @Test
    void twenty_at_once_get_by_with_three_connections() throws Exception {
        var database = new ScarceDataSource(Server.newDatabase(), 3);
        var applied = atOnce(20, () -> migrations.migrate(database, "numpool"));

        assertEquals(
                migrations.latestVersion(),
                applied.stream().mapToInt(Integer::intValue).sum());
    }

    @Test
    void what_was_installed_as_plain_sql_is_recognised() throws Exception {
        var database = Server.newDatabase();
        runPlain(database, "Plain Pools");

        assertEquals(SchemaState.CURRENT, state(database, "Plain Pools"));
        assertEquals(0, migrations.migrate(database, "Plain Pools"));
    }

    @Test
    void a_missing_schema_is_seen() throws Exception {
        var database = Server.newDatabase();

        assertEquals(Optional.empty(), installed(database, "numpool"));
        assertEquals(SchemaState.MISSING, state(database, "numpool"));
    }

    @Test
    void a_newer_schema_is_seen_and_left_alone() throws Exception {
        var database = Server.newDatabase();
        migrations.migrate(database, "numpool");
        Server.execute(database, "INSERT INTO numpool.pool_version (version) VALUES (99)");

        assertEquals(SchemaState.NEWER, state(database, "numpool"));
        assertEquals(0, migrations.migrate(database, "numpool"));
    }

    @Test
    void without_the_right_to_create_a_schema_the_sqlstate_says_so() throws Exception {
        var database = Server.newDatabase();
        Server.execute(database, "CREATE ROLE poor LOGIN");

        var refused = assertThrows(
                MigrationException.class, () -> migrations.migrate(Server.as("poor", database), "numpool"));

        assertEquals(Optional.of("42501"), refused.sqlState());
        assertEquals("numpool", refused.schema());
    }

    @Test
    void without_rights_in_an_existing_schema_the_sqlstate_says_so() throws Exception {
        var database = Server.newDatabase();
        Server.execute(
                database, "CREATE ROLE guest LOGIN; CREATE SCHEMA theirs; GRANT USAGE ON SCHEMA theirs TO guest");

        var refused = assertThrows(
                MigrationException.class, () -> migrations.migrate(Server.as("guest", database), "theirs"));

        assertEquals(Optional.of("42501"), refused.sqlState());
    }

    @Test
    void an_owner_of_the_schema_needs_no_right_to_create_others() throws Exception {
        var database = Server.newDatabase();
        Server.execute(database, "CREATE ROLE tenant LOGIN; CREATE SCHEMA flat AUTHORIZATION tenant");

        assertEquals(migrations.latestVersion(), migrations.migrate(Server.as("tenant", database), "flat"));
    }

    @Test
    void a_dead_server_is_an_error_with_a_sqlstate() {
        var nowhere = new PGSimpleDataSource();
        nowhere.setURL("jdbc:postgresql://localhost:1/none");

        var refused = assertThrows(MigrationException.class, () -> migrations.migrate(nowhere, "numpool"));

        assertEquals(Optional.of("08001"), refused.sqlState());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a234567890b234567890c234567890d234567890e234567890f234567890g234", "nul\0"})
    void a_name_that_postgres_cannot_have_is_refused_before_any_sql(String schema) {
        assertThrows(IllegalArgumentException.class, () -> migrations.migrate(new PGSimpleDataSource(), schema));
    }

    @Test
    void the_users_connection_is_given_back_as_it_was() throws Exception {
        var database = Server.newDatabase();
        try (var connection = database.getConnection()) {
            migrations.installedVersion(connection, "numpool");
            assertTrue(connection.getAutoCommit());
        }
    }

    @ParameterizedTest
    @EnumSource
    void the_list_of_scripts_is_what_is_in_the_folder(Line line) throws Exception {
        assertEquals(
                scriptsInFolder(line),
                Migrations.of(line).scripts().stream().map(Script::name).toList());
    }

    static void runPlain(PGSimpleDataSource database, String schema) throws SQLException {
        try (var connection = database.getConnection();
                var statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA " + SchemaName.quoted(schema));
            statement.execute("SET search_path = " + SchemaName.quoted(schema));
            for (var script : Migrations.of(Line.POOL).scripts()) {
                statement.execute(script.sql());
            }
        }
    }

    private static List<String> scriptsInFolder(Line line) throws URISyntaxException, java.io.IOException {
        var folder = Path.of(
                MigrationsTest.class.getClassLoader().getResource(line.folder()).toURI());
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static <T> List<T> atOnce(int count, Callable<T> work) throws Exception {
        var start = new CyclicBarrier(count);
        var threads = Executors.newFixedThreadPool(count);
        try {
            var running = new ArrayList<java.util.concurrent.Future<T>>();
            for (var i = 0; i < count; i++) {
                running.add(threads.submit(() -> {
                    start.await();
                    return work.call();
                }));
            }
            var results = new ArrayList<T>();
            for (var one : running) {
                results.add(one.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private Optional<Integer> installed(PGSimpleDataSource database, String schema) throws SQLException {
        try (var connection = database.getConnection()) {
            return migrations.installedVersion(connection, schema);
        }
    }

    private SchemaState state(PGSimpleDataSource database, String schema) throws SQLException {
        try (var connection = database.getConnection()) {
            return migrations.state(connection, schema);
        }
    }

    private static List<String> tables(PGSimpleDataSource database, String schema) throws SQLException {
        try (var connection = database.getConnection();
                var statement = connection.prepareStatement("SELECT tablename FROM pg_tables WHERE schemaname = ?")) {
            statement.setString(1, schema);
            var found = new ArrayList<String>();
            try (var rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(rows.getString(1));
                }
            }
            return found;
        }
    }
}
