package io.numpool.cli.internal.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.Build;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.JavaProcess;
import io.numpool.cli.internal.database.DatabaseAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedServerTest {
    /** With nothing in it. */
    @TempDir
    private Path home;

    /** Only the first test is about how they come to be there. */
    private void programsAreThere() throws IOException {
        UnpackedPrograms.linkInto(home.resolve("numpool"));
    }

    private EmbeddedServer server() {
        return new EmbeddedServer(home.resolve("numpool"));
    }

    @AfterEach
    void stop() {
        server().stop();
    }

    private static String ask(DatabaseAddress address, String sql) throws SQLException {
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                var answer = connection.createStatement().executeQuery(sql)) {
            answer.next();
            return answer.getString(1);
        }
    }

    @Test
    void tenProcessesThatStartAtOnceWhereNothingWasSetUpShareOneServer() throws Exception {
        List<Process> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            clients.add(
                    JavaProcess.of(EmbeddedClient.class, home.resolve("numpool").toString())
                            .start());
        }
        var servers = new HashSet<String>();
        for (var client : clients) {
            servers.add(client.inputReader().readLine());
            assertEquals(0, client.waitFor());
        }
        assertEquals(1, servers.size(), servers::toString);
        assertTrue(server().status().isPresent(), "it outlives the processes that used it");
    }

    @Test
    void itIsDurableAndAsksForAPasswordThatOnlyItsOwnerCanRead() throws Exception {
        programsAreThere();
        var address = server().address();
        assertEquals("on", ask(address, "SHOW fsync"));
        assertEquals("on", ask(address, "SHOW synchronous_commit"));
        assertEquals("on", ask(address, "SHOW full_page_writes"));
        assertEquals("127.0.0.1", ask(address, "SHOW listen_addresses"));
        assertEquals(
                "scram-sha-256", ask(address, "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"));
        assertThrows(
                SQLException.class,
                () -> ask(new DatabaseAddress(address.jdbcUrl(), address.user(), "wrong"), "SELECT 1"));
        var password = Files.getPosixFilePermissions(server().cluster().files().password());
        assertEquals("rw-------", PosixFilePermissions.toString(password));
    }

    @Test
    void itIsStoppedOnceAndItsDataAreThereNextTimeOnTheSamePort() throws Exception {
        programsAreThere();
        var before = server().address();
        ask(before, "SELECT 1 FROM pg_create_physical_replication_slot('mark')");
        assertTrue(server().stop());
        assertTrue(server().status().isEmpty());
        assertFalse(server().stop());
        var after = server().address();
        assertEquals(before, after);
        assertEquals("mark", ask(after, "SELECT slot_name FROM pg_replication_slots"));
    }

    @Test
    void afterTheServerWasKilledTheNextCommandStartsIt() throws Exception {
        programsAreThere();
        server().address();
        var killed = server().status().orElseThrow().pid();
        ProcessHandle.of(killed).orElseThrow().destroyForcibly();
        Await.until("the server is dead", () -> Await.hasEnded(killed));
        assertEquals("1", ask(server().address(), "SELECT 1"));
        assertNotEquals(killed, server().status().orElseThrow().pid());
    }

    @Test
    void aPidFileWhoseNumberIsSomebodyElsesByNowIsSeenThrough() throws Exception {
        programsAreThere();
        server().address();
        var pidFile = PidFile.of(server().cluster().files().data());
        var lines = Files.readAllLines(pidFile);
        server().stop();
        lines.set(0, Long.toString(ProcessHandle.current().pid()));
        Files.write(pidFile, lines);
        assertTrue(server().status().isEmpty());
        assertEquals("1", ask(server().address(), "SELECT 1"));
    }

    @Test
    void anEmptyPidFileIsSeenThrough() throws Exception {
        programsAreThere();
        server().address();
        server().stop();
        Files.createFile(PidFile.of(server().cluster().files().data()));
        assertEquals("1", ask(server().address(), "SELECT 1"));
    }

    @Test
    void whereItsPortIsTakenItTakesAnother() throws Exception {
        programsAreThere();
        server().address();
        var port = server().status().orElseThrow().port();
        server().stop();
        try (var taken = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertEquals("1", ask(server().address(), "SELECT 1"));
            assertNotEquals(
                    taken.getLocalPort(), server().status().orElseThrow().port());
        }
    }

    @Test
    void whatAKilledFirstStartLeftBehindIsNotTakenForTheWhole() throws Exception {
        var folder = server().cluster().files().folder();
        Files.createDirectories(folder.resolve("data.new/base"));
        Files.createDirectories(folder.resolve("programs-" + Build.postgresVersion() + ".unpacking/bin"));
        Files.writeString(folder.resolve("password.new"), "hal");
        assertEquals("1", ask(server().address(), "SELECT 1"));
    }

    /** Nobody but root may become another user, and nobody else has to. */
    @Test
    void whereUserNamespacesAreForbiddenRootRunsItAsAnotherUser() throws Exception {
        if (Integer.valueOf(0).equals(Files.getAttribute(home, "unix:uid"))) {
            runsAsAnotherUser();
        } else {
            assertEquals(List.of(), Privileges.detect().prefix());
            assertThrows(Failure.class, Privileges::asOrdinaryUser);
        }
    }

    private static void runsAsAnotherUser() throws Exception {
        var folder = Files.createTempDirectory("numpool-test-");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        var cluster = new Cluster(folder);
        var programs = new PostgresPrograms(Binaries.in(folder), Privileges.asOrdinaryUser());
        try {
            assertEquals("1", ask(cluster.address(cluster.start(programs)), "SELECT 1"));
        } finally {
            cluster.stop(programs, "immediate");
            Folders.delete(folder);
        }
    }
}
