package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.numpool.cli.NumpoolJar.Running;
import io.numpool.cli.internal.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class WatchIT {
    @TempDir
    private Path folder;

    private final List<Running> started = new ArrayList<>();
    private NumpoolJar numpool;

    @BeforeEach
    void aDatabaseIsNamed() {
        numpool = new NumpoolJar(folder, Stage.shared().environment());
    }

    @AfterEach
    void nobodyStays() {
        started.forEach(running -> running.process().destroyForcibly());
    }

    private Running watching(String... arguments) throws Exception {
        var watching = numpool.start(arguments);
        started.add(watching);
        awaitLines(watching, 1);
        return watching;
    }

    private static List<String> lines(Running running) throws Exception {
        return Files.readString(running.out()).lines().toList();
    }

    private static void awaitLines(Running running, int count) throws Exception {
        Await.until(
                count + " lines",
                () -> lines(running).size() >= count || !running.process().isAlive());
        assertTrue(lines(running).size() >= count, running::toString);
    }

    private static JsonNode json(String line) throws Exception {
        return new ObjectMapper().readTree(line);
    }

    @Test
    void aLineForEachChangeUntilCtrlC() throws Exception {
        numpool.run("create", "watched", "2").expect(0);
        var watching = watching("watch", "watched", "--interval", "50ms");
        numpool.run("run", "--pool", "watched", "--label", "me", "--", "sleep", "0.5")
                .expect(0);
        awaitLines(watching, 3);
        watching.signal("INT");
        var outcome = watching.outcome().expect(0);
        assertEquals("", outcome.err());
        assertEquals(
                List.of(
                        "T  watched  0 of 2 held, 0 waiting",
                        "T  watched  1 of 2 held, 0 waiting; slots: 0 me",
                        "T  watched  0 of 2 held, 0 waiting"),
                outcome.out()
                        .replaceAll("\\d\\d:\\d\\d:\\d\\d\\.\\d{3}", "T")
                        .lines()
                        .toList());
    }

    @Test
    void anObjectForEachChangeAlsoWhenItsConnectionsAreLost() throws Exception {
        numpool.run("create", "objects", "2").expect(0);
        var watching = watching("watch", "objects", "--interval", "50ms", "--format", "json");
        Stage.shared()
                .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        + " AND backend_type = 'client backend'");
        numpool.run("resize", "objects", "3").expect(0);
        awaitLines(watching, 2);
        watching.signal("INT");
        var outcome = watching.outcome().expect(0);
        var first = json(outcome.out().lines().toList().get(0));
        assertTrue(Instant.parse(first.get("at").asText()).isBefore(Instant.now()));
        assertEquals(
                json("{'id': 'objects', 'capacity': 2, 'held': 0, 'free': 2, 'waiting': 0, 'holders': [], 'queue': []}"
                        .replace('\'', '"')),
                ((ObjectNode) first).without("at"));
        assertEquals(
                3, json(outcome.out().lines().toList().get(1)).get("capacity").asInt());
    }

    @Test
    void endsWhenThePoolIsDeleted() throws Exception {
        numpool.run("create", "doomed", "1").expect(0);
        var watching = watching("watch", "doomed", "--interval", "50ms");
        numpool.run("delete", "doomed").expect(0);
        assertEquals(
                "numpool: pool 'doomed' is deleted\n",
                watching.outcome().expect(2).err());
    }

    @Test
    void endsWhenNobodyReadsAnyMore() throws Exception {
        numpool.run("create", "piped", "1").expect(0);
        var watching = numpool.startInPipe("head -n 1", "watch", "piped", "--interval", "50ms");
        started.add(watching);
        awaitLines(watching, 1);
        numpool.run("resize", "piped", "2").expect(0);
        var outcome = watching.outcome().expect(0);
        assertEquals("", outcome.err());
        assertEquals(1, outcome.out().lines().count());
    }

    @Test
    void refusesWhatCannotBe() throws Exception {
        numpool.run("watch").expectComplaint(2, "POOL");
        numpool.run("watch", "nowhere").expectComplaint(2, "there is no pool 'nowhere'");
        numpool.run("watch", "p", "--interval", "49ms").expectComplaint(2, "--interval is 49 ms, must be 50ms to 1d");
        numpool.run("watch", "p", "--interval", "2d")
                .expectComplaint(2, "--interval is 172800000 ms, must be 50ms to 1d");
        numpool.run("watch", "p", "--interval", "often").expectComplaint(2, "'often' is not a duration");
    }

    @Test
    @EnabledOnOs(OS.LINUX) // script of util-linux gives it a terminal
    void onATerminalItIsDrawnInPlace() throws Exception {
        numpool.run("create", "drawn", "1").expect(0);
        var watching = numpool.startOnTerminal("watch", "drawn", "--interval", "50ms");
        started.add(watching);
        Await.until("it is drawn", () -> Files.readString(watching.out()).contains("0 of 1 held"));
        numpool.run("resize", "drawn", "7").expect(0);
        Await.until("it is drawn again", () -> Files.readString(watching.out()).contains("0 of 7 held"));
        watching.type("\u0003");
        var outcome = watching.outcome().expect(0);
        assertTrue(outcome.out().contains("\u001b[?1049h"), outcome::out);
        assertTrue(outcome.out().strip().endsWith("0 of 7 held, 0 waiting"), outcome::out);
    }
}
