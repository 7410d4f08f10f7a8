package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.numpool.cli.NumpoolJar.Running;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command; what it finds is tested where it looks. */
class DoctorIT {
    private static final List<String> CHECKS = List.of(
            "P1",
            "P2",
            "P3",
            "P4",
            "P5",
            "P6",
            "P7",
            "P8",
            "schema",
            "functions",
            "tables",
            "transactions",
            "server",
            "durability",
            "isolation",
            "notifications",
            "connections");

    @TempDir
    private Path folder;

    private NumpoolJar numpool;

    /** Others leave sessions of killed processes in the common schema. */
    @BeforeEach
    void aSchemaOfItsOwn() throws Exception {
        numpool = new NumpoolJar(folder, Stage.shared().environment());
        numpool.run("migrate", "--schema", "clinic").expect(0);
    }

    @AfterEach
    void remove() throws Exception {
        Stage.shared().execute("DROP SCHEMA clinic CASCADE");
    }

    private static List<String> names(JsonNode diagnosis) {
        List<String> names = new ArrayList<>();
        diagnosis.get("checks").forEach(check -> names.add(check.get("check").asText()));
        return names;
    }

    @Test
    void allIsWellInALineEachAndExit0() throws Exception {
        var outcome = numpool.run("doctor", "--schema", "clinic").expect(0);
        assertEquals("", outcome.err());
        var lines = outcome.out().lines().toList();
        assertEquals(CHECKS, lines.stream().map(line -> line.split(" +")[1]).toList());
        assertTrue(lines.stream().allMatch(line -> line.startsWith("ok ")), outcome::out);
        assertEquals("ok      P1             a slot has at most one holder", lines.get(0));
    }

    @Test
    void allIsWellInJson() throws Exception {
        var diagnosis = numpool.run("doctor", "--schema", "clinic", "--format", "json")
                .expect(0)
                .json();
        assertEquals(true, diagnosis.get("ok").asBoolean());
        assertEquals("clinic", diagnosis.get("schema").asText());
        assertEquals(CHECKS, names(diagnosis));
        assertEquals(
                "{\"check\":\"P2\",\"state\":\"ok\",\"about\":\"tokens only grow\",\"findings\":[]}",
                diagnosis.get("checks").get(1).toString());
    }

    @Test
    void whatIsFoundIsSaidWithAdviceAndExit1() throws Exception {
        numpool.run("create", "hurt", "2", "--schema", "clinic").expect(0);
        Stage.shared().execute("UPDATE clinic.pool_state SET waiting = 1");
        var said = numpool.run("doctor", "--schema", "clinic").expect(1);
        assertEquals("", said.err());
        assertTrue(
                said.out()
                        .contains(
                                "\nfound   P3             pool 'hurt': waiters by the count in pool_state, and in truth: 1, 0\n"
                                        + "                       No call does this: report it, unless somebody wrote to the tables. To mend it: BEGIN; "),
                said::out);
        var json = numpool.run("doctor", "--schema", "clinic", "--format", "json")
                .expect(1)
                .json();
        assertEquals(false, json.get("ok").asBoolean());
        var check = json.get("checks").get(2);
        assertEquals("found", check.get("state").asText());
        var finding = check.get("findings").get(0);
        assertEquals("hurt", finding.get("pool").asText());
        assertEquals(
                "waiters by the count in pool_state, and in truth: 1, 0",
                finding.get("finding").asText());
        Stage.shared().execute(finding.get("advice").asText().replaceFirst(".* To mend it: ", ""));
        numpool.run("doctor", "--schema", "clinic").expect(0);
    }

    @Test
    void aLongTransactionIsWhatTheUserSaysItIs() throws Exception {
        try (var connection = Stage.shared().connect();
                var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("SELECT pg_current_xact_id()");
            numpool.run("doctor", "--schema", "clinic").expect(0);
            var found = numpool.run("doctor", "--schema", "clinic", "--longest-transaction", "1ms")
                    .expect(1);
            assertTrue(found.out().contains("found   transactions   backend "), found::out);
        }
    }

    @Test
    void aSchemaThatNobodyMadeIsFound() throws Exception {
        var outcome = numpool.run("doctor", "--schema", "nothere").expect(1);
        assertTrue(
                outcome.out()
                        .startsWith(
                                "found   schema         schema 'nothere' is not there, this program knows version 1\n"
                                        + "                       numpool migrate --schema nothere, with the same --url\n"),
                outcome::out);
        var newer = "SELECT 1; INSERT INTO clinic.pool_version (version) VALUES (999)";
        Stage.shared().execute(newer);
        assertTrue(numpool.run("doctor", "--schema", "clinic").expect(1).out().contains("Use a newer numpool"));
    }

    @Test
    void whatItMayNotOrCannotReadIsOneLineAndExit2() throws Exception {
        numpool.run("doctor", "--url", "postgres://127.0.0.1:1/postgres")
                .expectComplaint(2, "Connection to 127.0.0.1:1 refused");
        numpool.run("doctor", "--schema", "").expectComplaint(2, "schema");
        numpool.run("doctor", "--longest-transaction", "ages").expectComplaint(2, "'ages' is not a duration");
        Stage.shared().execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'");
        try {
            var visitor = new String[] {
                "doctor",
                "--schema",
                "clinic",
                "--url",
                "postgres://visitor:visitor@" + Stage.shared().place() + "/postgres"
            };
            numpool.run(visitor).expectComplaint(2, "permission denied for schema clinic");
            Stage.shared().execute("GRANT USAGE ON SCHEMA clinic TO visitor");
            numpool.run(visitor).expectComplaint(2, "GRANT EXECUTE ON FUNCTION clinic.inspect() TO visitor");
            Stage.shared().execute("GRANT EXECUTE ON FUNCTION clinic.inspect() TO visitor");
            var outcome = numpool.run(visitor).expect(0);
            assertTrue(
                    outcome.out()
                            .contains("unseen  transactions   those of other roles are hidden from role visitor\n"
                                    + "                       GRANT pg_read_all_stats TO visitor\n"),
                    outcome::out);
        } finally {
            Stage.shared().execute("DROP OWNED BY visitor");
            Stage.shared().execute("DROP ROLE visitor");
        }
    }

    @Test
    void whereNoDatabaseIsNamedItIsTheEmbeddedOne() throws Exception {
        var embedded = new NumpoolJar(folder, Stage.shared().programsOnly());
        try {
            Running doctor = embedded.start("doctor");
            var outcome = doctor.outcome().expect(0);
            assertEquals(CHECKS.size(), outcome.out().lines().count());
        } finally {
            embedded.run("embedded", "stop").expect(0);
        }
    }
}
