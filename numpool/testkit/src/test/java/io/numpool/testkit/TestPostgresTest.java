package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class TestPostgresTest {
    @Test
    void one_server_is_shared_by_all_tests_of_a_jvm() {
        assertSame(TestPostgres.shared(), TestPostgres.shared());
    }

    @Test
    void a_new_database_has_the_schema() throws SQLException {
        try (var database = TestPostgres.shared().newDatabase()) {
            assertEquals("numpool.pool", database.query("SELECT to_regclass('numpool.pool')"));
        }
    }

    @Test
    void an_empty_database_has_not() throws SQLException {
        try (var database = TestPostgres.shared().emptyDatabase()) {
            assertNull(database.query("SELECT to_regclass('numpool.pool')"));
        }
    }

    @Test
    void databases_do_not_see_each_other() throws SQLException {
        try (var one = TestPostgres.shared().newDatabase();
                var other = TestPostgres.shared().newDatabase()) {
            one.execute("CREATE TABLE mine (x int)");
            assertNotEquals(one.name(), other.name());
            assertNull(other.query("SELECT to_regclass('mine')"));
        }
    }

    @Test
    void the_time_zone_is_not_utc() throws SQLException {
        try (var database = TestPostgres.shared().newDatabase()) {
            assertEquals(TestPostgres.TIME_ZONE, database.query("SHOW timezone"));
            assertEquals(
                    "{TimeZone=" + TestPostgres.TIME_ZONE + "}",
                    database.query("SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
                            + " WHERE datname = current_database()"));
        }
    }

    @Test
    void closing_drops_it_though_somebody_is_in_it() throws SQLException {
        var database = TestPostgres.shared().newDatabase();
        try (var lingering = database.connect()) {
            assertTrue(lingering.isValid(5));
            database.close();
            database.close();
        }
        assertThrows(SQLException.class, database::connect);
    }

    @Test
    void the_url_with_password_lets_in_and_a_wrong_password_does_not() throws SQLException {
        try (var database = TestPostgres.shared().newDatabase()) {
            try (var connection = DriverManager.getConnection(database.urlWithPassword())) {
                assertNotNull(connection);
            }
            var refused = assertThrows(
                    SQLException.class, () -> DriverManager.getConnection(database.url(), database.user(), "wrong"));
            assertEquals("28P01", refused.getSQLState());
        }
    }

    @Test
    void three_hundred_connections_fit() throws SQLException {
        try (var database = TestPostgres.shared().emptyDatabase()) {
            assertTrue(Integer.parseInt(database.query("SHOW max_connections")) >= 300);
        }
    }
}
