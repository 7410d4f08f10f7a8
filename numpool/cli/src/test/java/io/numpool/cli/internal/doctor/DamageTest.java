package io.numpool.cli.internal.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.doctor.Clinic.Ward;
import java.sql.SQLException;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each kind of damage, made on purpose: it is found, it alone, and its advice mends it. */
class DamageTest {
    /** Two pools in use, one with a queue; a third with one slot held and two free; one that is idle. All sessions renewed just now, so to speak. */
    private static final List<String> HEALTHY = List.of(
            "SELECT open_session(ROW('billing', 'host-' || n, n)::process, 900, 300, true, NULL) FROM generate_series(1, 3) n",
            "UPDATE session_beat SET renewed = clock_timestamp() + interval '1 hour'",
            "SELECT create_pool('full', 4, NULL)",
            "SELECT create_pool('queued', 2, NULL)",
            "SELECT create_pool('spare', 3, NULL)",
            "SELECT create_pool('idle', 2, NULL)",
            exchange(1, 1, 1),
            exchange(1, 1, 1),
            exchange(2, 1, 2),
            exchange(1, 2, 1),
            exchange(1, 2, 1),
            exchange(2, 2, 1),
            exchange(2, 2, 2),
            exchange(1, 3, 1),
            "SELECT guard_pool(1)");

    private static final Pattern MENDED = Pattern.compile(".* To mend it[^:]*: (.*)");

    private Ward ward;

    private static String exchange(int session, int pool, int slots) {
        return "SELECT exchange(" + session + ", 0, " + pool
                + ", false, '{}', '{}', '{}', ARRAY[gen_random_uuid()], '{2}', '{NULL}', '{" + slots + "}')";
    }

    @BeforeEach
    void healthy() throws SQLException {
        ward = Clinic.shared().ward();
        ward.execute(HEALTHY.toArray(String[]::new));
        assertEquals(List.of(), ward.found());
    }

    /** @param finding a regular expression; D stands for a number */
    record Damage(String promise, String pool, String finding, String... damage) {
        @Override
        public String toString() {
            return promise + " " + finding;
        }

        Pattern expected() {
            var text = promise + " " + (pool == null ? "" : "pool '" + pool + "': ") + finding;
            return Pattern.compile(text.replace("(", "\\(").replace(")", "\\)").replace("D", "\\d+"));
        }
    }

    static Stream<Damage> damages() {
        return Stream.of(
                        exclusive(),
                        fenced(),
                        inOrder(),
                        notIdle(),
                        leaking(),
                        outOfTime(),
                        orphans(),
                        idempotent(),
                        dead())
                .flatMap(damages -> damages);
    }

    private static Stream<Damage> exclusive() {
        return Stream.of(
                new Damage("P1", "spare", "no row in pool_state", "DELETE FROM pool_state WHERE pool = 3"),
                new Damage(
                        "P1",
                        "spare",
                        "several rows in pool_state, of generation 0, 1",
                        "INSERT INTO pool_state SELECT pool, generation - 1, usage, last_ticket, low_ticket, waiting, marks"
                                + " FROM pool_state WHERE pool = 3"),
                new Damage(
                        "P1",
                        "spare",
                        "no bit in pool_state for slots from 3",
                        "UPDATE pool SET capacity = 5 WHERE number = 3"),
                new Damage(
                        "P1",
                        "spare",
                        "marked as held, and held by nobody: slot 2",
                        "UPDATE pool_state SET usage = set_bit(usage, 2, 1) WHERE pool = 3"),
                new Damage(
                        "P1",
                        "full",
                        "its lock (pool 5): marked as held, and held by nobody: slot 0",
                        "UPDATE pool_state SET usage = B'1' WHERE pool = 5"),
                new Damage(
                        "P1",
                        "spare",
                        "held, and marked as free, so that others can get it, too: slot 0",
                        "UPDATE pool_state SET usage = set_bit(usage, 0, 0) WHERE pool = 3"),
                new Damage(
                        "P1",
                        "full",
                        "held, and marked as free, so that others can get it, too: slot 4",
                        "UPDATE lease SET slot = 4 WHERE pool = 1 AND slot = 1",
                        "UPDATE pool_state SET usage = set_bit(usage, 1, 0) WHERE pool = 1"),
                new Damage(
                        "P1",
                        "spare",
                        "held more than once: slot 0",
                        "INSERT INTO lease SELECT pool, slot, token - 1, session, gen_random_uuid(), named, label, since FROM lease WHERE pool = 3"),
                new Damage(
                        "P1",
                        "spare",
                        "holds several slots: token D",
                        "INSERT INTO lease SELECT pool, 1, token, session, gen_random_uuid(), named, label, since FROM lease WHERE pool = 3",
                        "UPDATE pool_state SET usage = set_bit(usage, 1, 1) WHERE pool = 3"));
    }

    private static Stream<Damage> fenced() {
        return Stream.of(
                new Damage(
                        "P2",
                        "spare",
                        "above the last ticket, and so given out again: token D",
                        "UPDATE pool_state SET last_ticket = last_ticket - 1 WHERE pool = 3"),
                new Damage(
                        "P2",
                        "queued",
                        "waits above the last ticket, and so is given out again: ticket D",
                        "UPDATE pool_state SET last_ticket = last_ticket - 1 WHERE pool = 2"),
                new Damage(
                        "P2",
                        "queued",
                        "waits for several slots, and reaches into the next place: ticket D",
                        "UPDATE waiter SET slots = 2 WHERE pool = 2 AND slots = 1"),
                new Damage(
                        "P2",
                        "spare",
                        "fenced under a token that was never given out, so that its holders are refused: slot 1",
                        "SELECT fence('spare', 1, 1000000 + last_ticket) FROM pool_state WHERE pool = 3"),
                new Damage(
                        "P2",
                        "pool of the future",
                        "fenced under a token that was never given out, so that its holders are refused: slot 1",
                        "SELECT fence('pool of the future', 1, 9000000000000000000)"));
    }

    private static Stream<Damage> inOrder() {
        return Stream.of(
                new Damage(
                        "P3",
                        "queued",
                        "waits below low_ticket, where nobody looks: ticket D",
                        "UPDATE pool_state SET low_ticket = low_ticket + 1 WHERE pool = 2"),
                new Damage(
                        "P3",
                        "queued",
                        "waiters by the count in pool_state, and in truth: 3, 2",
                        "UPDATE pool_state SET waiting = waiting + 1 WHERE pool = 2"),
                new Damage(
                        "P3",
                        "idle",
                        "waiters by the count in pool_state, and in truth: 1, 0",
                        "UPDATE pool_state SET waiting = waiting + 1 WHERE pool = 4"),
                new Damage(
                        "P3",
                        "queued",
                        "granted while an earlier ticket waits: token D",
                        "UPDATE lease SET token = (SELECT last_ticket FROM pool_state WHERE pool = 2) WHERE pool = 2 AND slot = 1"));
    }

    private static Stream<Damage> notIdle() {
        return Stream.of(
                new Damage(
                        "P4",
                        "queued",
                        "first in line, and waits although enough slots are free: ticket D",
                        "DELETE FROM lease WHERE pool = 2 AND slot = 1",
                        "UPDATE pool_state SET usage = set_bit(usage, 1, 0) WHERE pool = 2"),
                new Damage(
                        "P4",
                        "queued",
                        "waits for more slots than there are: ticket D",
                        "UPDATE waiter SET slots = 3 WHERE pool = 2 AND slots = 2",
                        "UPDATE pool_state SET last_ticket = last_ticket + 1 WHERE pool = 2"));
    }

    private static Stream<Damage> leaking() {
        return Stream.of(
                new Damage(
                        "P5",
                        "spare",
                        "holds or waits, and has no row in session_pool, so that this would outlive it: session 1",
                        "DELETE FROM session_pool WHERE pool = 3"),
                new Damage(
                        "P5",
                        "queued",
                        "holds or waits, and has no row in session_pool, so that this would outlive it: session 2",
                        "DELETE FROM session_pool WHERE pool = 2 AND session = 2"),
                new Damage(
                        "P5",
                        "spare",
                        "evictions by the count in pool_state, and in truth: 1, 0",
                        "UPDATE pool_state SET marks = 1 WHERE pool = 3"),
                new Damage(
                        "P5",
                        "spare",
                        "evictions by the count in pool_state, and in truth: 0, 1",
                        "SELECT evict_slot(3, 0, 'me')",
                        "UPDATE pool_state SET marks = 0 WHERE pool = 3"),
                new Damage(
                        "P5",
                        "spare",
                        "evicted, and free, so that the next holder would lose it: slot 2",
                        "INSERT INTO eviction (pool, slot) VALUES (3, 2)",
                        "UPDATE pool_state SET marks = 1 WHERE pool = 3"),
                new Damage(
                        "P5",
                        "idle",
                        "deleted, all slots are back, and it is still there",
                        "UPDATE pool SET deleted = clock_timestamp() WHERE number = 4"),
                new Damage(
                        "P5",
                        "queued",
                        "deleted, and waited for: ticket D, D",
                        "UPDATE pool SET deleted = clock_timestamp() WHERE number = 2"));
    }

    /** No damage: what a reaper would have seen to, if there were one. */
    private static Stream<Damage> outOfTime() {
        return Stream.of(
                new Damage(
                        "P5",
                        "spare",
                        "evicted longer than a ttl ago, and still held: slot 0",
                        "SELECT evict_slot(3, 0, 'me')",
                        "UPDATE eviction SET since = since - interval '1 hour'"),
                new Damage(
                        "P5",
                        "full",
                        "deleted longer than a ttl ago, and not back: slot 0, 1, 2, 3",
                        "SELECT delete_pool(1, false)",
                        "UPDATE pool SET deleted = deleted - interval '1 hour'"),
                new Damage(
                        "P7",
                        null,
                        "dead for longer than a ttl, and not cleared up: session 1, 3",
                        "UPDATE session SET dead = clock_timestamp() - interval '1 hour' WHERE id IN (1, 3)"),
                new Damage(
                        "P7",
                        null,
                        "not renewed for longer than its ttl, and not declared dead: session 2",
                        "UPDATE session_beat SET renewed = clock_timestamp() - interval '1 hour' WHERE session = 2"));
    }

    private static Stream<Damage> orphans() {
        return Stream.of(
                orphan("pool_state", "SELECT 99, 0, B'1', 1, 1, 0"),
                orphan("lease", "SELECT 99, 0, 1, 1, gen_random_uuid(), false, NULL, now()"),
                orphan("waiter", "SELECT 99, 1, 1, 1, gen_random_uuid(), false, NULL, now()"),
                orphan("session_pool", "SELECT 1, 99"),
                orphan("eviction", "SELECT 99, 0, 4711, now()", " OVERRIDING SYSTEM VALUE"),
                new Damage(
                        "P5",
                        null,
                        "rows in session_pool of sessions that are not there, of number 4711",
                        "INSERT INTO session_pool VALUES (4711, 1)"),
                new Damage(
                        "P5",
                        null,
                        "rows in session_beat of sessions that are not there, of number 4711",
                        "INSERT INTO session_beat VALUES (4711, gen_random_uuid(), now())"));
    }

    private static Damage orphan(String table, String row, String... how) {
        return new Damage(
                "P5",
                null,
                "rows in " + table + " of pools that are not there, of number 99",
                "INSERT INTO " + table + String.join("", how) + " " + row);
    }

    private static Stream<Damage> idempotent() {
        return Stream.of(
                new Damage(
                        "P6",
                        "full",
                        "more than one grant or place for one request: ticket D, D",
                        "UPDATE lease SET request = (SELECT request FROM lease WHERE pool = 1 AND slot = 0) WHERE pool = 1 AND slot = 1"),
                new Damage(
                        "P6",
                        "queued",
                        "more than one grant or place for one request: ticket D, D",
                        "UPDATE waiter SET request = (SELECT request FROM waiter WHERE pool = 2 AND slots = 1) WHERE pool = 2"),
                new Damage(
                        "P6",
                        "queued",
                        "more than one grant or place for one request: ticket D, D",
                        "UPDATE waiter SET request = (SELECT request FROM lease WHERE pool = 2 AND slot = 0)"
                                + " WHERE pool = 2 AND slots = 1"));
    }

    private static Stream<Damage> dead() {
        return Stream.of(
                new Damage(
                        "P7",
                        "full",
                        "holds or waits, and is not there: session 4711",
                        "UPDATE lease SET session = 4711 WHERE pool = 1 AND slot = 0"),
                new Damage(
                        "P7",
                        "queued",
                        "holds or waits, and is not there: session 4711",
                        "UPDATE waiter SET session = 4711 WHERE pool = 2 AND slots = 2"),
                new Damage(
                        "P7",
                        null,
                        "has no row in session_beat, so that nobody would find it dead: session 3",
                        "DELETE FROM session_beat WHERE session = 3"));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void isFoundAloneAndMendedAsAdvised(Damage damage) throws Exception {
        ward.execute(damage.damage);
        // what is overdue is so only when the server has been up for long enough
        Await.until(damage.toString(), () -> !ward.found().isEmpty());
        var diagnosis = ward.diagnosis();
        var found = ward.found();
        assertEquals(1, found.size(), found::toString);
        assertTrue(damage.expected().matcher(found.get(0)).matches(), () -> found + " is not " + damage.expected());
        var advice = advice(diagnosis);
        var mended = MENDED.matcher(advice);
        if (mended.matches()) {
            ward.execute(mended.group(1));
            assertEquals(List.of(), ward.found(), advice);
        } else {
            assertTrue(advice.startsWith("Nobody clears up: let a process"), advice);
        }
    }

    private static String advice(Diagnosis diagnosis) {
        return diagnosis.checks().stream()
                .flatMap(check -> check.findings().stream())
                .map(Finding::advice)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aTransactionLeftOpenAroundACallIsFoundAndEndedAsAdvised() throws Exception {
        try (var client = ward.connect();
                var statement = client.createStatement()) {
            client.setAutoCommit(false);
            statement.execute(exchange(3, 4, 1));
            Await.until("P8", () -> !ward.found().isEmpty());
            var found = ward.found();
            assertEquals(1, found.size(), found::toString);
            assertTrue(
                    found.get(0).matches("P8 keeps locks of numpool while it waits for its client: backend \\d+"),
                    found::toString);
            ward.execute(advice(ward.diagnosis()).replaceFirst(".* To end it: ", ""));
            Await.until("its end", () -> ward.found().isEmpty());
        }
    }

    @Test
    void ofManyTheFirstTwentyAreNamed() throws Exception {
        ward.execute("SELECT create_pool('large', 100, NULL)", "UPDATE pool_state SET usage = ~usage WHERE pool = 6");
        var found = ward.found();
        assertEquals(1, found.size());
        assertTrue(found.get(0).endsWith("held by nobody: slot " + numbers(20) + " and more"), found::toString);
    }

    private static String numbers(int count) {
        return String.join(
                ", ",
                Stream.iterate(0, n -> n + 1).limit(count).map(String::valueOf).toList());
    }
}
