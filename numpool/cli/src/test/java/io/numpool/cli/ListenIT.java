package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.numpool.cli.NumpoolJar.Running;
import io.numpool.cli.internal.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ListenIT {
    @TempDir
    private Path folder;

    private NumpoolJar numpool;

    @BeforeEach
    void aDatabaseIsNamed() {
        numpool = new NumpoolJar(folder, Stage.shared().environment());
    }

    private Running listening(String... arguments) throws Exception {
        var line = new String[arguments.length + 3];
        System.arraycopy(arguments, 0, line, 3, arguments.length);
        line[0] = "--format";
        line[1] = "json";
        line[2] = "listen";
        var running = numpool.start(line);
        awaitOutput(running, "{\"event\":\"listening\"");
        return running;
    }

    private static void awaitOutput(Running running, String part) throws Exception {
        Await.until(
                part,
                () -> Files.readString(running.out()).contains(part)
                        || !running.process().isAlive());
        assertTrue(Files.readString(running.out()).contains(part), () -> "ended without " + part + ": " + running);
    }

    private static JsonNode line(Outcome outcome, int number) throws Exception {
        return new ObjectMapper().readTree(outcome.out().lines().toList().get(number));
    }

    @Test
    void whatOneCommandSendsAnotherPrints() throws Exception {
        var listener = listening("orders", "Odd \"name\"; --", "orders", "--count", "3");
        assertEquals(
                "{\"notified\":\"orders\"}",
                numpool.run("--format", "json", "notify", "orders", "1\n2")
                        .expect(0)
                        .json()
                        .toString());
        assertEquals(
                new Outcome(0, "Odd \"name\"; --: notified\n", ""), numpool.run("notify", "Odd \"name\"; --", "odd"));
        numpool.run("notify", "orders").expect(0);
        var outcome = listener.outcome().expect(0);
        assertEquals(4, outcome.out().lines().count(), outcome::toString);
        assertEquals(
                "[\"orders\",\"Odd \\\"name\\\"; --\"]",
                line(outcome, 0).get("channels").toString());
        var first = line(outcome, 1);
        assertEquals("notification", first.get("event").asText());
        assertEquals("orders", first.get("channel").asText());
        assertEquals("1\n2", first.get("payload").asText());
        assertTrue(first.get("senderPid").asInt() > 0);
        assertTrue(Instant.parse(first.get("receivedAt").asText()).isBefore(Instant.now()));
        assertEquals("odd", line(outcome, 2).get("payload").asText());
        assertEquals("", line(outcome, 3).get("payload").asText());
        assertEquals("", outcome.err());
    }

    @Test
    void aLostConnectionIsAGap() throws Exception {
        var listener = listening("gappy", "--count", "1");
        Stage.shared()
                .execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'numpool-notify cli'");
        awaitOutput(listener, "{\"event\":\"gap\"");
        Stage.shared().execute("NOTIFY gappy, 'after'");
        var outcome = listener.outcome().expect(0);
        var gap = line(outcome, 1);
        assertEquals("gappy", gap.get("channel").asText());
        assertTrue(gap.get("reason").asText().contains("terminating connection"), gap::toString);
        assertTrue(!Instant.parse(gap.get("restoredAt").asText())
                .isBefore(Instant.parse(gap.get("lostAt").asText())));
        assertEquals("after", line(outcome, 2).get("payload").asText());
        assertTrue(outcome.err().startsWith("numpool: connection lost, connecting again: "), outcome::toString);
        assertEquals(1, outcome.err().lines().count(), outcome::toString);
    }

    @Test
    void forAPersonALineEachThatCannotHarmATerminal() throws Exception {
        var listener = numpool.start("listen", "words", "--count", "1");
        Await.until("the notification", () -> {
            Stage.shared().execute("SELECT pg_notify('words', E'red\\x1b[31m\\nnext')");
            return !listener.process().isAlive();
        });
        var outcome = listener.outcome().expect(0);
        assertTrue(
                outcome.out().matches("\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  words  red\\\\u001b\\[31m\\\\nnext\n"),
                outcome::toString);
    }

    @Test
    void theFirstLineSaysThatItListensAlsoOnABusyChannel() throws Exception {
        var busy = new AtomicBoolean(true);
        var traffic = CompletableFuture.runAsync(() -> {
            try {
                while (busy.get()) {
                    Stage.shared().execute("NOTIFY crowded");
                }
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        });
        var outcome = numpool.run("--format", "json", "listen", "crowded", "another", "--count", "1")
                .expect(0);
        busy.set(false);
        traffic.join();
        assertEquals("listening", line(outcome, 0).get("event").asText(), outcome::toString);
        assertEquals("notification", line(outcome, 1).get("event").asText(), outcome::toString);
        assertEquals(2, outcome.out().lines().count(), outcome::toString);
    }

    @Test
    void endsWhenInterruptedAndWhenItsTimeIsUp() throws Exception {
        var interrupted = listening("quiet");
        interrupted.signal("INT");
        assertEquals(130, interrupted.outcome().exitCode());
        assertEquals(124, listening("quiet", "--timeout", "5s").outcome().exitCode());
    }

    @Test
    void refusesWhatCannotBe() throws Exception {
        numpool.run("listen").expectComplaint(2, "CHANNEL");
        numpool.run("listen", "x".repeat(64)).expectComplaint(2, "64 bytes");
        numpool.run("listen", "a", "--count", "0").expectComplaint(2, "--count is 0");
        numpool.run("notify", "").expectComplaint(2, "channel");
        numpool.run("notify", "a", "x".repeat(8_000)).expectComplaint(2, "8000 bytes");
        numpool.run("listen", "a", "--url", "jdbc:postgresql://127.0.0.1:1/x").expectComplaint(2, "no connection to");
    }
}
