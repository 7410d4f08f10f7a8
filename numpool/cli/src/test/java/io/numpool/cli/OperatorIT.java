package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.numpool.cli.NumpoolJar.Running;
import io.numpool.cli.internal.Await;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who looks after the pools of others. */
class OperatorIT {
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

    private JsonNode json(String... arguments) throws Exception {
        var line = new ArrayList<>(List.of("--format", "json"));
        line.addAll(List.of(arguments));
        return numpool.run(line.toArray(String[]::new)).expect(0).json();
    }

    private static JsonNode of(String json) throws Exception {
        return new ObjectMapper().readTree(json.replace('\'', '"'));
    }

    /** Holds the one slot of a pool until it loses it. */
    private Running holder(String pool) throws Exception {
        var holder = numpool.start("run", "--pool", pool, "--capacity", "1", "--label", pool, "--", "sleep", "600");
        started.add(holder);
        Await.until("it holds", () -> Stage.shared().holders(pool) == 1);
        return holder;
    }

    /** The session of that process. */
    private JsonNode sessionOf(Running running) throws Exception {
        for (var session : json("sessions")) {
            if (session.get("pid").asLong() == running.process().pid()) {
                return session;
            }
        }
        throw new AssertionError("no session of " + running);
    }

    @Test
    void aSlotIsTakenFromItsHolder() throws Exception {
        var holder = holder("evict/a");
        assertEquals(of("{'pool': 'evict/a', 'index': 0, 'evicted': true}"), json("evict", "evict/a", "0"));
        holder.outcome().expectComplaint(75, "slot 0 of 'evict/a' was lost");
        Await.until("it is free", () -> Stage.shared().holders("evict/a") == 0);
        assertEquals(of("{'pool': 'evict/a', 'index': 0, 'evicted': false}"), json("evict", "evict/a", "0"));
        assertEquals(new Outcome(0, "evict/a: slot 0 is held by nobody\n", ""), numpool.run("evict", "evict/a", "0"));
    }

    @Test
    void forAPersonTheSameInWords() throws Exception {
        var holder = holder("evict/b");
        assertEquals(new Outcome(0, "evict/b: slot 0 is asked back\n", ""), numpool.run("evict", "evict/b", "0"));
        holder.outcome().expect(75);
    }

    @Test
    void sessionsAreListedAndLoseWhatTheyHold() throws Exception {
        var holder = holder("evict/c");
        var session = sessionOf(holder);
        var names = new ArrayList<String>();
        session.fieldNames().forEachRemaining(names::add);
        assertEquals(
                List.of(
                        "session",
                        "state",
                        "held",
                        "waiting",
                        "opened",
                        "renewed",
                        "ttlMillis",
                        "graceMillis",
                        "application",
                        "host",
                        "pid"),
                names);
        assertEquals(1, session.get("held").asInt());
        assertEquals(0, session.get("waiting").asInt());
        assertEquals("attached", session.get("state").asText());
        assertEquals(30_000, session.get("ttlMillis").asInt());
        assertTrue(!Instant.parse(session.get("renewed").asText())
                .isBefore(Instant.parse(session.get("opened").asText())));

        var id = session.get("session").asText();
        var listed = numpool.run("sessions").expect(0).out();
        assertTrue(
                listed.matches("(?s)SESSION +STATE +HELD +WAITING +RENEWED +OPENED +HOST +PID +APPLICATION\n.*"),
                listed);
        assertTrue(listed.lines().anyMatch(line -> line.matches(" *" + id + " +attached +1 +0 +.*")), listed);

        assertEquals(of("{'session': " + id + ", 'slots': 1}"), json("sessions", "evict", id));
        holder.outcome().expectComplaint(75, "slot 0 of 'evict/c' was lost");
    }

    @Test
    void whoAsksIsNotListed() throws Exception {
        var asking = numpool.start("sessions", "--format", "json");
        for (var session : asking.outcome().expect(0).json()) {
            assertNotEquals(asking.process().pid(), session.get("pid").asLong());
        }
    }

    @Test
    void whoHoldsNothingLosesNothing() throws Exception {
        var holder = holder("evict/d");
        var waiter = numpool.start("run", "--pool", "evict/d", "--", "true");
        started.add(waiter);
        Await.until("somebody waits", () -> Stage.shared().waiting() == 1);
        var id = sessionOf(waiter).get("session").asText();
        assertEquals(
                new Outcome(0, "session " + id + ": 0 slots are asked back\n", ""),
                numpool.run("sessions", "evict", id));
        holder.signal("TERM");
        waiter.outcome().expect(0);
    }

    @Test
    void showSaysHowManySlotsAWaiterWaitsFor() throws Exception {
        numpool.run("create", "several", "2").expect(0);
        Stage.shared().execute("""
                WITH s AS (SELECT session_id AS id FROM numpool.open_session(ROW('a', 'host', 1)::numpool.process, 30000, 2000, true, NULL)),
                     p AS (SELECT pool_number AS number FROM numpool.find_pool('several'))
                SELECT (numpool.exchange(s.id, 0, p.number, false, '{}', '{}', '{}', ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()],
                  '{0, 0, 0}', '{one, both, last}', '{1, 2, 1}')).queued FROM s, p""");
        var queue = json("show", "several").get("queue");
        var shown = numpool.run("show", "several").expect(0).out();
        numpool.run("delete", "several", "--force").expect(0); // others count who waits
        assertEquals(2, queue.get(0).get("slots").asInt());
        assertEquals(1, queue.get(1).get("slots").asInt());
        assertTrue(shown.lines().anyMatch(line -> line.matches("PLACE +TICKET +SLOTS +LABEL +SINCE .*")), shown);
        assertTrue(shown.lines().anyMatch(line -> line.matches(" +1 +\\d+ +2 +both .*")), shown);
    }

    @Test
    void refusesWhatCannotBe() throws Exception {
        numpool.run("create", "evict/e", "2").expect(0);
        numpool.run("evict", "evict/e").expectComplaint(2, "INDEX");
        numpool.run("evict", "evict/e", "one").expectComplaint(2, "one");
        numpool.run("evict", "evict/e", "-1").expectComplaint(2, "0 to 1");
        numpool.run("evict", "evict/e", "2").expectComplaint(2, "slot 2: the pool has 0 to 1");
        numpool.run("evict", "nowhere", "0").expectComplaint(2, "there is no pool 'nowhere'");
        numpool.run("sessions", "evict").expectComplaint(2, "ID");
        numpool.run("sessions", "evict", "x").expectComplaint(2, "x");
        numpool.run("sessions", "evict", "1000000").expectComplaint(2, "there is no session 1000000");
    }
}
