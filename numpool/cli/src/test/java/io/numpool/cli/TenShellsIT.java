package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.numpool.cli.NumpoolJar.Running;
import io.numpool.cli.internal.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ten shells at once, where no database is named and nothing was ever set up. */
class TenShellsIT {
    private static final int SHELLS = 10;
    private static final int CAPACITY = 3;

    /** Writes when it began and ended, and with which slot; in between it waits until it may go on. */
    private static final String COMMAND =
            "s=$(date +%s%N); while [ ! -e go ]; do sleep 0.05; done; sleep 0.3; echo $NUMPOOL_INDEX $s $(date +%s%N) > held-$NUMPOOL_TOKEN";

    @TempDir
    private Path folder;

    private NumpoolJar numpool;

    private Running shell() throws IOException {
        return numpool.start(
                "run", "--pool", "p", "--capacity", "3", "--", "sh", "-c", "cd " + folder + "; " + COMMAND);
    }

    /** What `show` says, which must agree with itself whenever it says it; null while there is no pool yet. */
    private JsonNode show() throws Exception {
        var outcome = numpool.run("show", "p", "--format", "json");
        if (outcome.exitCode() != 0) {
            outcome.expectComplaint(2, "there is no pool 'p'");
            return null;
        }
        var pool = outcome.json();
        var held = pool.get("held").asInt();
        assertEquals(CAPACITY, pool.get("capacity").asInt());
        assertEquals(held, pool.get("holders").size(), outcome::out);
        assertTrue(held <= CAPACITY, outcome::out);
        assertEquals(pool.get("waiting").asInt(), pool.get("queue").size(), outcome::out);
        assertTrue(held == CAPACITY || pool.get("queue").isEmpty(), outcome::out);
        return pool;
    }

    private boolean allContend() throws Exception {
        var pool = show();
        return pool != null
                && pool.get("holders").size() == CAPACITY
                && pool.get("queue").size() == SHELLS - CAPACITY;
    }

    @AfterEach
    void stopTheServer() throws Exception {
        Files.writeString(folder.resolve("go"), "");
        numpool.run("embedded", "stop").expect(0);
    }

    @Test
    void neverMoreCommandsThanSlotsRunAndAllGetTheirTurn() throws Exception {
        numpool = new NumpoolJar(
                folder, Map.of("XDG_DATA_HOME", folder.resolve("data").toString()));
        List<Running> shells = new ArrayList<>();
        for (int i = 0; i < SHELLS; i++) {
            shells.add(shell());
        }
        Await.until("three hold a slot, seven wait", this::allContend);
        Files.writeString(folder.resolve("go"), "");
        while (shells.stream().anyMatch(shell -> shell.process().isAlive())) {
            show();
        }
        for (var shell : shells) {
            assertEquals(new Outcome(0, "", ""), shell.outcome());
        }
        assertExclusive(held());
    }

    private List<Held> held() throws IOException {
        List<Held> held = new ArrayList<>();
        try (var files = Files.newDirectoryStream(folder, "held-*")) {
            for (var file : files) {
                var words = Files.readString(file).strip().split(" ");
                held.add(new Held(Integer.parseInt(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2])));
            }
        }
        held.sort(Comparator.comparingLong(Held::begin));
        return held;
    }

    private static void assertExclusive(List<Held> held) {
        assertEquals(SHELLS, held.size());
        assertEquals(
                List.of(0, 1, 2),
                held.stream().map(Held::index).distinct().sorted().toList());
        for (var one : held) {
            var atOnce = held.stream().filter(other -> other.overlaps(one)).toList();
            assertTrue(atOnce.size() <= CAPACITY, atOnce::toString);
            assertEquals(
                    1,
                    atOnce.stream()
                            .filter(other -> other.index() == one.index())
                            .count(),
                    atOnce::toString);
        }
    }

    /** By the machine's clock, in ns. */
    private record Held(int index, long begin, long end) {
        /** At the moment when the other began. */
        boolean overlaps(Held other) {
            return begin <= other.begin && other.begin < end;
        }
    }
}
