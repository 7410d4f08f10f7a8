package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class OwnPostgresTest {
    @ParameterizedTest
    @EnumSource
    void it_starts_again_on_the_same_port_and_data(StopMode how) throws SQLException {
        try (var own = TestPostgres.durable();
                var database = own.newDatabase()) {
            database.execute("CREATE TABLE kept AS SELECT 42 AS x");
            var port = own.port();

            own.stop(how);
            assertFalse(own.isRunning());
            assertThrows(SQLException.class, database::connect);

            own.start();
            assertEquals(port, own.port());
            assertEquals("42", database.query("SELECT x FROM kept"));
        }
    }

    @Test
    void a_durable_server_says_so_itself() throws SQLException {
        try (var own = TestPostgres.durable();
                var database = own.emptyDatabase()) {
            assertEquals("on", database.query("SHOW fsync"));
            assertEquals("on", database.query("SHOW synchronous_commit"));
            assertEquals("on", database.query("SHOW full_page_writes"));
        }
    }

    @Test
    void durable_settings_that_are_not_are_refused() {
        var settings = ServerSettings.durable().with("fsync", "off");

        var refused = assertThrows(IllegalStateException.class, () -> OwnPostgres.start(settings));

        assertEquals("fsync is off: this server is not durable", refused.getMessage());
    }

    @Test
    void further_parameters_and_files_are_taken() throws SQLException {
        var settings =
                ServerSettings.fast().with("application_name", "it's \"me\"").withFile("note.txt", "hello");
        try (var own = OwnPostgres.start(settings);
                var database = own.emptyDatabase()) {
            assertEquals(
                    "it's \"me\"",
                    database.query(
                            "SELECT reset_val FROM pg_settings WHERE name = 'application_name' AND source <> 'client'"
                                    + " UNION ALL SELECT boot_val FROM pg_settings WHERE false"));
            assertEquals("hello", database.query("SELECT pg_read_file('note.txt')"));
        }
    }

    @Test
    void a_server_that_does_not_start_tells_its_log() {
        var settings = ServerSettings.fast().with("no_such_parameter", "1");

        var failed = assertThrows(IllegalStateException.class, () -> OwnPostgres.start(settings));

        assertTrue(failed.getMessage().contains("no_such_parameter"), failed.getMessage());
    }

    @Test
    void a_killed_backend_takes_the_others_with_it_and_the_server_recovers() throws SQLException {
        try (var own = TestPostgres.durable();
                var database = own.newDatabase();
                var victim = database.connect();
                var bystander = database.connect()) {
            own.killBackend(pid(victim));

            Await.until("the bystander to lose its connection", () -> !bystander.isValid(1));
            Await.until("a server that recovered", () -> accepts(database));
            assertTrue(own.log().contains("terminated by signal 9"));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void killed_processes_frozen_or_not_say_nothing_and_what_was_committed_stays(boolean frozen) throws SQLException {
        try (var own = TestPostgres.durable();
                var database = own.emptyDatabase();
                var connection = database.connect()) {
            database.execute("CREATE TABLE kept AS SELECT 42 AS x");
            if (frozen) {
                own.freeze();
            }

            own.kill();

            assertFalse(own.isRunning());
            assertEquals("08006", stateOfNextCall(connection));
            own.start();
            assertEquals("42", database.query("SELECT x FROM kept"));
        }
    }

    @Test
    void the_death_of_the_postmaster_is_told_by_its_children() throws SQLException {
        try (var own = TestPostgres.durable();
                var database = own.emptyDatabase();
                var connection = database.connect()) {
            database.execute("CREATE TABLE kept AS SELECT 42 AS x");

            own.killPostmaster();

            assertFalse(own.isRunning());
            assertEquals("57P01", stateOfNextCall(connection));
            own.start();
            assertEquals("42", database.query("SELECT x FROM kept"));
        }
    }

    @Test
    void a_frozen_server_answers_nothing_until_it_is_thawed() throws Exception {
        try (var own = OwnPostgres.start(ServerSettings.fast());
                var database = own.emptyDatabase();
                var connection = database.connect()) {
            own.freeze();
            assertFalse(connection.isValid(1));
            own.thaw();
            Await.until("an answer", () -> accepts(database));
        }
    }

    @Test
    void a_frozen_server_can_be_stopped() {
        try (var own = OwnPostgres.start(ServerSettings.fast())) {
            own.freeze();
            own.stop(StopMode.IMMEDIATE);
            assertFalse(own.isRunning());
        }
    }

    @Test
    void a_killed_server_leaves_no_shared_memory_when_it_is_closed() throws Exception {
        String segment;
        try (var own = OwnPostgres.start(ServerSettings.fast())) {
            segment = Files.readAllLines(own.dataFolder().resolve("postmaster.pid"))
                    .get(6)
                    .strip()
                    .split("\\s+")[1];
            own.kill();
            assertTrue(sharedMemory().contains(segment));
        }
        assertFalse(sharedMemory().contains(segment));
    }

    @Test
    void data_are_where_they_are_wanted() {
        try (var own = OwnPostgres.start(ServerSettings.fast().onDisk())) {
            assertEquals(
                    Path.of(System.getProperty("java.io.tmpdir")),
                    own.dataFolder().getParent().getParent());
        }
    }

    @Test
    void closing_leaves_neither_process_nor_folder() {
        var own = OwnPostgres.start(ServerSettings.fast());
        var folder = own.dataFolder();
        own.close();
        own.close();

        assertFalse(own.isRunning());
        assertFalse(Files.exists(folder.getParent()));
    }

    @ParameterizedTest
    @EnumSource
    void nothing_is_left_behind_by_a_jvm(EndOfJvm how) {
        try (var child = ChildJvm.start(ServerOwner.class, how.name())) {
            var server = Long.parseLong(child.expect("server pid ").strip());
            var home = Path.of(child.expect("home ").strip());
            assertTrue(Files.exists(home));
            how.happen(child);

            Await.until("the server to be gone", Duration.ofSeconds(30), () -> ProcessHandle.of(server)
                    .isEmpty());
            Await.until("its folder to be gone", Duration.ofSeconds(30), () -> !Files.exists(home));
        }
    }

    /** How a JVM may end. */
    enum EndOfJvm {
        RETURNS,
        KILLED,
        KILLED_WITH_FROZEN_SERVER;

        void happen(ChildJvm child) {
            if (this == RETURNS) {
                child.send("go on");
            } else {
                child.kill();
            }
        }
    }

    /** Starts a server of its own and waits for a word. */
    static final class ServerOwner {
        private ServerOwner() {}

        public static void main(String[] args) throws Exception {
            var own = OwnPostgres.start(ServerSettings.fast());
            System.out.println("server pid "
                    + Files.readAllLines(own.dataFolder().resolve("postmaster.pid"))
                            .get(0));
            if (args[0].equals(EndOfJvm.KILLED_WITH_FROZEN_SERVER.name())) {
                own.freeze();
            }
            System.out.println("home " + own.dataFolder().getParent());
            System.in.read();
        }
    }

    /** Ids of the segments of System V shared memory. */
    private static Set<String> sharedMemory() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/sysvipc/shm"))) {
            return lines.map(line -> line.strip().split("\\s+")[1]).collect(Collectors.toSet());
        }
    }

    private static int pid(Connection connection) throws SQLException {
        try (var statement = connection.createStatement();
                var row = statement.executeQuery("SELECT pg_backend_pid()")) {
            row.next();
            return row.getInt(1);
        }
    }

    private static String stateOfNextCall(Connection connection) {
        return assertThrows(SQLException.class, () -> pid(connection)).getSQLState();
    }

    private static boolean accepts(TestDatabase database) {
        try (var connection = database.connect()) {
            return connection.isValid(5);
        } catch (SQLException notYet) {
            return false;
        }
    }
}
