package io.numpool.cli.internal.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.doctor.Check.State;
import io.numpool.cli.internal.doctor.Clinic.Ward;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever of the surroundings is not fit for numpool is found, with advice that mends it. */
class SurroundingsTest {
    private static final Clinic CLINIC = Clinic.shared();

    private Ward ward;

    @BeforeEach
    void healthy() throws SQLException {
        ward = CLINIC.ward();
        assertEquals(List.of(), ward.found());
    }

    private Finding theFinding(String check) throws SQLException {
        return theFinding(check, Limits.DEFAULT);
    }

    private Finding theFinding(String check, Limits limits) throws SQLException {
        var findings = ward.check(check, limits).findings();
        assertEquals(1, findings.size(), findings::toString);
        return findings.get(0);
    }

    private void awaitState(String check, State state, Limits limits) throws Exception {
        Await.until(check + " " + state, () -> ward.check(check, limits).state() == state);
    }

    /** A server's settings reach its backends a moment later. */
    private void assertFoundAndMended(String check, String harm, String finding, String advice) throws Exception {
        CLINIC.execute(harm, "SELECT pg_reload_conf()");
        try {
            awaitState(check, State.found, Limits.DEFAULT);
            assertEquals(Finding.of(finding, advice), theFinding(check));
            ward.execute(advice.split(", or ")[0].split("; "));
            awaitState(check, State.ok, Limits.DEFAULT);
        } finally {
            CLINIC.execute(
                    "ALTER SYSTEM RESET ALL",
                    "ALTER SYSTEM SET max_prepared_transactions = 2",
                    "SELECT pg_reload_conf()");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fsync", "full_page_writes"})
    void aServerThatDoesNotSurviveACrash(String setting) throws Exception {
        assertFoundAndMended(
                "durability",
                "ALTER SYSTEM SET " + setting + " = off",
                setting + " is off: a crash of the machine can destroy the database, and grant a slot twice",
                "ALTER SYSTEM SET " + setting + " = on; SELECT pg_reload_conf()");
    }

    @Test
    void asynchronousCommitIsFineAndSaidToBe() throws Exception {
        CLINIC.execute("ALTER ROLE numpool SET synchronous_commit = off");
        try {
            assertEquals(
                    Check.of("durability", "synchronous_commit is off, which numpool raises where it must", List.of()),
                    ward.check("durability", Limits.DEFAULT));
        } finally {
            CLINIC.execute("ALTER ROLE numpool RESET synchronous_commit");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ROLE clerk", "ROLE clerk IN DATABASE postgres", "DATABASE postgres"})
    void anIsolationThatFunctionsRefuse(String whose) throws Exception {
        CLINIC.execute("DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk");
        assertFoundAndMended(
                "isolation",
                "ALTER " + whose + " SET default_transaction_isolation = 'repeatable read'",
                "transactions begin as repeatable read for " + whose + ", and numpool's functions refuse that (NP005)",
                "ALTER " + whose
                        + " RESET default_transaction_isolation, or set it to read committed on the connections"
                        + " that call numpool");
    }

    @Test
    void anIsolationOfTheServerThatFunctionsRefuse() throws Exception {
        try {
            assertFoundAndMended(
                    "isolation",
                    "ALTER SYSTEM SET default_transaction_isolation = 'serializable'",
                    "transactions begin as serializable, and numpool's functions refuse that (NP005)",
                    "ALTER DATABASE postgres SET default_transaction_isolation = 'read committed'");
        } finally {
            CLINIC.execute("ALTER DATABASE postgres RESET default_transaction_isolation");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"autovacuum", "track_counts"})
    void aServerThatNeverRemovesDeadRows(String setting) throws Exception {
        assertFoundAndMended(
                "tables",
                "ALTER SYSTEM SET " + setting + " = off",
                setting + " is off, so that nobody removes dead rows",
                "ALTER SYSTEM SET " + setting + " = on; SELECT pg_reload_conf()");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pool_state", "lease", "waiter", "session_beat"})
    void aTableThatVacuumPassesBy(String table) throws Exception {
        var name = ward.schema() + "." + table;
        assertFoundAndMended(
                "tables",
                "ALTER TABLE " + name + " SET (autovacuum_enabled = off)",
                "autovacuum is off for " + name,
                "ALTER TABLE " + name + " RESET (autovacuum_enabled)");
    }

    @Test
    void deadRowsThatVacuumLeft() throws Exception {
        var few = new Limits(Limits.DEFAULT.transaction(), Limits.DEFAULT.xminAge(), 900, 0.1, 0.9);
        ward.execute(
                "INSERT INTO waiter SELECT 1, n, 1, 1, gen_random_uuid(), false, NULL, now() FROM generate_series(1, 1000) n",
                "DELETE FROM waiter");
        awaitState("tables", State.found, few);
        var finding = theFinding("tables", few);
        assertEquals(ward.schema() + ".waiter has 1000 dead rows", finding.finding());
        ward.execute(finding.advice().replaceFirst(".*; then ", ""));
        awaitState("tables", State.ok, few);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ALTER FUNCTION renew SECURITY INVOKER | renew(bigint,integer[]) does not run with the rights of its owner",
                "GRANT EXECUTE ON FUNCTION repair TO PUBLIC | repair(bigint,integer) may be called by everybody",
                "ALTER FUNCTION poll RESET jit | poll(bigint,integer) has lost its setting jit=off",
                "ALTER FUNCTION attach SET lock_timeout = '1s' | attach(bigint,bigint) has lost its setting lock_timeout=5s",
                "ALTER FUNCTION poll SET search_path = public | poll(bigint,integer) has lost its setting search_path=pg_catalog, S, pg_temp",
            })
    void aFunctionThatIsNotAsItWasMade(String harm, String finding) throws Exception {
        ward.execute(harm);
        var found = theFinding("functions");
        assertEquals("function " + ward.schema() + "." + finding.replace("S,", ward.schema() + ","), found.finding());
        ward.execute(found.advice());
        assertEquals(List.of(), ward.found());
    }

    @Test
    void aFunctionThatIsGone() throws Exception {
        ward.execute("DROP FUNCTION unblock", "DROP FUNCTION inspect");
        assertEquals(
                List.of("function unblock is not there", "function inspect is not there"),
                ward.check("functions", Limits.DEFAULT).findings().stream()
                        .map(Finding::finding)
                        .toList());
        assertTrue(ward.diagnosis().checks().stream()
                .noneMatch(check -> check.check().equals("P1")));
    }

    @Test
    void aTransactionThatHoldsBackVacuum() throws Exception {
        var limits = Limits.DEFAULT.withTransaction(Duration.ofMillis(1));
        try (var idle = ward.connect()) {
            execute(idle, "SET application_name = 'forgotten'");
            idle.setAutoCommit(false);
            execute(idle, "SELECT pg_current_xact_id()");
            awaitState("transactions", State.found, limits);
            var finding = theFinding("transactions", limits);
            assertTrue(
                    finding.finding()
                            .matches("backend \\d+ \\(numpool, 'forgotten', idle in transaction\\) has been in a"
                                    + " transaction for \\d+ s, \\d+ transactions old, and holds back vacuum"),
                    finding::toString);
            assertEquals(State.ok, ward.check("transactions", Limits.DEFAULT).state());
            ward.execute(finding.advice().replaceFirst(".*, or ", ""));
            awaitState("transactions", State.ok, limits);
        }
    }

    @Test
    void aPreparedTransactionThatHoldsBackVacuum() throws Exception {
        var limits = Limits.DEFAULT.withTransaction(Duration.ofMillis(1));
        try (var client = ward.connect()) {
            client.setAutoCommit(false);
            execute(client, "SELECT pg_current_xact_id()");
            execute(client, "PREPARE TRANSACTION 'it''s lost'");
            client.setAutoCommit(true);
            awaitState("transactions", State.found, limits);
            var finding = theFinding("transactions", limits);
            assertTrue(
                    finding.finding()
                            .matches("prepared transaction 'it''s lost' of numpool is \\d+ s and \\d+ transactions"
                                    + " old, and holds back vacuum"),
                    finding::toString);
            execute(client, finding.advice().replaceFirst(".*, or ", ""));
        }
        awaitState("transactions", State.ok, limits);
    }

    @ParameterizedTest
    @CsvSource({"true, replication slot 'left_behind' is", "false, standby 'PostgreSQL JDBC Driver' (backend"})
    void aStandbyThatHoldsBackVacuum(boolean withSlot, String finding) throws Exception {
        var limits = new Limits(Limits.DEFAULT.transaction(), 0, Limits.DEFAULT.deadRows(), 0.1, 0.9);
        if (withSlot) {
            ward.execute("SELECT pg_create_physical_replication_slot('left_behind')");
        }
        try (var standby = Standby.of(CLINIC, withSlot ? "left_behind" : null)) {
            standby.feedBack(Long.parseLong(CLINIC.ask("SELECT pg_current_xact_id()")));
            ward.execute("SELECT pg_current_xact_id()", "SELECT pg_current_xact_id()");
            awaitState("transactions", State.found, limits);
            var found = theFinding("transactions", limits);
            assertTrue(found.finding().startsWith(finding), found::toString);
            assertTrue(
                    found.finding().endsWith(" transactions old, and holds back vacuum")
                            || found.finding().endsWith(" transactions behind, and holds back vacuum"),
                    found::toString);
            assertEquals(State.ok, ward.check("transactions", Limits.DEFAULT).state());
        } finally {
            if (withSlot) {
                Await.until("the slot is let go", () -> dropped("left_behind"));
            }
        }
        awaitState("transactions", State.ok, limits);
    }

    private boolean dropped(String slot) {
        try {
            ward.execute("SELECT pg_drop_replication_slot('" + slot + "')");
            return true;
        } catch (SQLException inUse) {
            return false;
        }
    }

    @Test
    void aNotificationQueueThatFills() throws Exception {
        var limits = new Limits(
                Limits.DEFAULT.transaction(), Limits.DEFAULT.xminAge(), Limits.DEFAULT.deadRows(), 1e-5, 0.9);
        try (var listener = ward.connect()) {
            execute(listener, "LISTEN nobody");
            listener.setAutoCommit(false);
            execute(listener, "SELECT 1");
            ward.execute("SELECT pg_notify('nobody', n || repeat('x', 7000)) FROM generate_series(1, 200) n");
            var finding = theFinding("notifications", limits);
            assertEquals("the queue is 0 % full; when it is full, NOTIFY fails", finding.finding());
            assertTrue(finding.advice().contains("idle in transaction"), finding::toString);
            assertEquals(State.ok, ward.check("notifications", Limits.DEFAULT).state());
        }
    }

    @Test
    void connectionsThatAreNearlyUsed() throws Exception {
        var limits = new Limits(Limits.DEFAULT.transaction(), 0, 0, 0.1, 2.0 / 297);
        try (var another = ward.connect()) {
            var finding = theFinding("connections", limits);
            assertTrue(finding.finding().matches("\\d+ of 297 connections are in use"), finding::toString);
            assertTrue(finding.advice().contains("max_connections"), finding::toString);
            assertTrue(another.isValid(30));
        }
    }

    @Test
    void aServerThatIsTooOldOrAStandby() {
        assertEquals(State.ok, ServerChecks.server(150_000, "15.0", false).state());
        assertEquals(
                List.of(Finding.of(
                        "PostgreSQL 14.9 is older than what numpool is tested with", "Upgrade to 15 or newer")),
                ServerChecks.server(140_009, "14.9", false).findings());
        assertEquals(
                List.of(Finding.of(
                        "the server is a standby: it can be read, and no slot can be had",
                        "Name the primary, with --url")),
                ServerChecks.server(180_006, "18.6", true).findings());
    }

    @Test
    void aSchemaOfAnotherVersion() {
        assertEquals(
                List.of(Finding.of(
                        "schema 's' is not there, this program knows version 3",
                        "numpool migrate --schema s, with the same --url")),
                SchemaChecks.version("s", 0, 3).findings());
        assertEquals(
                List.of(Finding.of(
                        "schema 's' has version 2, this program knows version 3",
                        "numpool migrate --schema s, with the same --url")),
                SchemaChecks.version("s", 2, 3).findings());
        assertEquals(
                List.of(Finding.of("schema 's' has version 4, this program knows version 3", "Use a newer numpool")),
                SchemaChecks.version("s", 4, 3).findings());
    }

    @Test
    void aSchemaThatIsNotThereIsSaidAndTheRestExamined() throws SQLException {
        var diagnosis =
                new Doctor("nowhere", Limits.DEFAULT).examine(CLINIC.address().dataSource());
        assertEquals(
                List.of("schema", "transactions", "server", "durability", "isolation", "notifications", "connections"),
                diagnosis.checks().stream().map(Check::check).toList());
        assertEquals(false, diagnosis.ok());
    }

    @Test
    void aRoleWithTheLeastRightsExaminesAllButTheTransactionsOfOthers() throws SQLException {
        CLINIC.execute("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'guest'");
        var guest = new DatabaseAddress(CLINIC.address().jdbcUrl(), "guest", "guest");
        var doctor = new Doctor(ward.schema(), Limits.DEFAULT);
        ward.execute("GRANT USAGE ON SCHEMA " + ward.schema() + " TO guest");
        assertEquals(
                "role guest may not examine schema '" + ward.schema() + "': GRANT EXECUTE ON FUNCTION " + ward.schema()
                        + ".inspect() TO guest",
                assertThrows(Failure.class, () -> doctor.examine(guest.dataSource()))
                        .getMessage());
        ward.execute("GRANT EXECUTE ON FUNCTION inspect() TO guest");
        var diagnosis = doctor.examine(guest.dataSource());
        assertTrue(diagnosis.ok(), diagnosis::toString);
        var unseen = diagnosis.checks().stream()
                .filter(check -> check.state() == State.unseen)
                .toList();
        assertEquals(
                List.of(Check.unseen(
                        "transactions",
                        Finding.of(
                                "those of other roles are hidden from role guest",
                                "GRANT pg_read_all_stats TO guest"))),
                unseen);
        ward.execute(unseen.get(0).findings().get(0).advice());
        assertTrue(doctor.examine(guest.dataSource()).checks().stream().allMatch(check -> check.state() == State.ok));
        ward.execute("DROP OWNED BY guest", "DROP ROLE guest");
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
