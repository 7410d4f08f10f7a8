package io.numpool.db;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.ds.PGSimpleDataSource;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class PoolSchemaTest {
    private static final String SCHEMA = "My Pools";

    /** Ways to install. */
    enum Way {
        FLYWAY {
            @Override
            void install(PGSimpleDataSource database) {
                Migrations.of(Line.POOL).migrate(database, SCHEMA);
            }
        },
        PLAIN_SQL {
            @Override
            void install(PGSimpleDataSource database) throws SQLException {
                MigrationsTest.runPlain(database, SCHEMA);
            }
        };

        abstract void install(PGSimpleDataSource database) throws SQLException;
    }

    @ParameterizedTest
    @EnumSource
    void every_function_has_a_fixed_search_path_with_its_schema_in_the_middle(Way way) throws SQLException {
        var functions = query(
                installed(way),
                "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = '\"" + SCHEMA + "\"'::regnamespace");

        assertFalse(functions.isEmpty());
        var expected = "search_path=pg_catalog, \"" + SCHEMA + "\", pg_temp";
        assertEquals(
                List.of(),
                functions.stream()
                        .filter(row -> !row.get(1).replace("\\", "").contains(expected))
                        .toList());
    }

    @ParameterizedTest
    @EnumSource
    void every_function_runs_with_the_rights_of_its_owner(Way way) throws SQLException {
        assertEquals(
                List.of(),
                query(
                        installed(way),
                        "SELECT proname FROM pg_proc WHERE pronamespace = '\"" + SCHEMA
                                + "\"'::regnamespace AND NOT prosecdef"));
    }

    @ParameterizedTest
    @EnumSource
    void the_public_may_read_the_version_and_nothing_else(Way way) throws SQLException {
        var database = installed(way);
        var stranger = "stranger_in_" + database.getDatabaseName();
        Server.execute(database, "CREATE ROLE " + stranger);

        assertEquals(
                List.of(),
                query(
                        database,
                        "SELECT proname FROM pg_proc WHERE pronamespace = '\"" + SCHEMA + "\"'::regnamespace"
                                + " AND has_function_privilege('" + stranger + "', oid, 'EXECUTE')"));
        assertEquals(List.of(List.of("pool_version")), tables(database, stranger, "SELECT"));
        assertEquals(List.of(), tables(database, stranger, "INSERT, UPDATE, DELETE, TRUNCATE"));
    }

    // PostgreSQL makes up TABLE_pkey, TABLE_COLUMN_key, TABLE_COLUMN_check, TABLE_COLUMN_fkey, TABLE_COLUMN_idx. A name
    // of ours may look the
    // same, so it must stand in the script as well. Since 18 a NOT NULL is a constraint too: nobody names those.
    @ParameterizedTest
    @EnumSource
    void every_constraint_and_index_is_named_by_us(Way way) throws SQLException {
        var names = query(
                installed(way),
                "SELECT conname FROM pg_constraint WHERE connamespace = '\"" + SCHEMA
                        + "\"'::regnamespace AND contype <> 'n'"
                        + " AND conrelid <> to_regclass('\"" + SCHEMA + "\".numpool_pool_history')"
                        + " UNION SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
                        + " WHERE c.relnamespace = '\"" + SCHEMA + "\"'::regnamespace"
                        + " AND i.indrelid IS DISTINCT FROM to_regclass('\"" + SCHEMA + "\".numpool_pool_history')");
        var sql = String.join(
                "\n",
                Migrations.of(Line.POOL).scripts().stream().map(Script::sql).toList());

        assertTrue(names.size() > 5, names.toString());
        assertEquals(
                List.of(),
                names.stream().filter(row -> !sql.contains(row.get(0))).toList());
    }

    private static PGSimpleDataSource installed(Way way) throws SQLException {
        var database = Server.newDatabase();
        way.install(database);
        return database;
    }

    private static List<List<String>> tables(PGSimpleDataSource database, String role, String privileges)
            throws SQLException {
        return query(
                database,
                "SELECT relname FROM pg_class WHERE relnamespace = '\"" + SCHEMA
                        + "\"'::regnamespace AND relkind IN ('r', 'v', 'm')" + " AND has_table_privilege('" + role
                        + "', oid, '" + privileges + "')");
    }

    private static List<List<String>> query(PGSimpleDataSource database, String sql) throws SQLException {
        try (var connection = database.getConnection();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            var result = new ArrayList<List<String>>();
            var columns = rows.getMetaData().getColumnCount();
            while (rows.next()) {
                var row = new ArrayList<String>();
                for (var column = 1; column <= columns; column++) {
                    row.add(String.valueOf(rows.getString(column)));
                }
                result.add(row);
            }
            return result;
        }
    }
}
