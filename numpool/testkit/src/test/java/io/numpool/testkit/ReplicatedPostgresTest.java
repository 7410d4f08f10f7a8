package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class ReplicatedPostgresTest {
    @ParameterizedTest
    @EnumSource
    void the_promoted_standby_has_what_was_committed_and_the_url_leads_there(Replication replication)
            throws SQLException {
        try (var servers = ReplicatedPostgres.start(ServerSettings.durable(), replication);
                var database = servers.newDatabase()) {
            database.execute("CREATE TABLE kept AS SELECT 42 AS x");
            assertEquals(port(servers.primary()), database.query("SHOW port"));
            servers.awaitCaughtUp();
            servers.primary().kill();

            servers.promote();

            assertEquals(port(servers.standby()), database.query("SHOW port"));
            assertEquals("42", database.query("SELECT x FROM kept"));
            assertEquals("numpool.pool", database.query("SELECT to_regclass('numpool.pool')"));
            database.execute("INSERT INTO kept VALUES (43)");
        }
    }

    @Test
    void what_a_standby_that_receives_nothing_lacks_is_lost() throws SQLException {
        try (var servers = ReplicatedPostgres.start(ServerSettings.durable(), Replication.ASYNCHRONOUS);
                var database = servers.emptyDatabase()) {
            database.execute("CREATE TABLE kept (x int)");
            servers.awaitCaughtUp();
            servers.stopReceiving();
            database.execute("INSERT INTO kept VALUES (42)");
            servers.primary().stop(StopMode.FAST);

            servers.promote();

            assertEquals("0", database.query("SELECT count(*) FROM kept"));
        }
    }

    @Test
    void a_synchronous_commit_waits_for_the_standby() throws Exception {
        try (var servers = ReplicatedPostgres.start(ServerSettings.durable(), Replication.SYNCHRONOUS);
                var database = servers.emptyDatabase()) {
            database.execute("CREATE TABLE kept (x int)");
            servers.standby().freeze();

            var commit = CompletableFuture.runAsync(() -> insert(database));

            var waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            Await.until("a commit that waits", () -> database.query(waiting).equals("1"));
            assertFalse(commit.isDone());
            assertEquals("0", database.query("SELECT count(*) FROM kept"));
            servers.standby().thaw();
            commit.get();
            assertEquals("1", database.query("SELECT count(*) FROM kept"));
        }
    }

    @Test
    void a_frozen_primary_does_not_keep_the_url_from_the_new_one() throws SQLException {
        try (var servers = ReplicatedPostgres.start(ServerSettings.fast(), Replication.ASYNCHRONOUS);
                var database = servers.emptyDatabase()) {
            servers.primary().freeze();

            servers.promote();

            assertEquals(port(servers.standby()), database.query("SHOW port"));
            servers.primary().kill();
        }
    }

    @Test
    void each_server_can_be_looked_at() throws SQLException {
        try (var servers = ReplicatedPostgres.start(ServerSettings.fast(), Replication.ASYNCHRONOUS);
                var database = servers.emptyDatabase();
                var stranger = OwnPostgres.start(ServerSettings.fast())) {
            servers.awaitCaughtUp();
            for (var server : List.of(servers.primary(), servers.standby())) {
                try (var there = servers.databaseOn(server, database)) {
                    assertEquals(port(server), there.query("SHOW port"));
                    assertEquals(server == servers.standby() ? "t" : "f", there.query("SELECT pg_is_in_recovery()"));
                }
            }
            assertEquals(port(servers.primary()), database.query("SHOW port"));
            assertThrows(IllegalArgumentException.class, () -> servers.databaseOn(stranger, database));
        }
    }

    @Test
    void closing_leaves_neither_processes_nor_folders() {
        var servers = ReplicatedPostgres.start(ServerSettings.fast(), Replication.ASYNCHRONOUS);
        servers.close();

        assertFalse(servers.primary().isRunning());
        assertFalse(servers.standby().isRunning());
        assertFalse(Files.exists(servers.primary().dataFolder().getParent()));
        assertFalse(Files.exists(servers.standby().dataFolder().getParent()));
    }

    private static void insert(TestDatabase database) {
        try {
            database.execute("INSERT INTO kept VALUES (42)");
        } catch (SQLException failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static String port(OwnPostgres server) {
        return Integer.toString(server.port());
    }
}
