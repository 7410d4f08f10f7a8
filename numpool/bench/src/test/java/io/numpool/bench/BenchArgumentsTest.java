package io.numpool.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchArgumentsTest {
    private static final int USAGE = 2;

    @TempDir
    private Path folder;

    private final StringWriter errors = new StringWriter();

    @Test
    void anUnknownWorkIsToldWithThoseThatThereAre() {
        assertEquals(USAGE, run("--work", "2x2-2"));
        assertSays("--work 2x2-2: one of 1x1-64, 1x8-64");
        assertSays("hand-over, 1000-pools, 10000-waiting, 100-processes");
    }

    @Test
    void theQuickOnesAreFewer() {
        assertEquals(USAGE, run("--quick", "--work", "hand-over"));
        assertSays("--work hand-over: one of 1x1-64, 1x64-64, 1x64-4");
    }

    @Test
    void contendersWhoDoNoneOfTheWorksAreTold() {
        assertEquals(USAGE, run("--work", "10000-waiting", "--contender", "curator"));
        assertSays("--contender [CURATOR]: none of them does any of the works that are asked for");
    }

    @Test
    void anUnknownContenderIsToldWithThoseThatThereAre() {
        assertEquals(USAGE, run("--contender", "zookeeper"));
        assertSays("'--contender'");
        assertSays("NUMPOOL, NUMPOOL_WAITERS");
    }

    @Test
    void aNumberOutOfRangeIsToldWithItsRange() {
        assertEquals(USAGE, run("--seconds", "0"));
        assertSays("--seconds 0: 1 to 3600");
        assertEquals(USAGE, run("--warm-up", "-1"));
        assertSays("--warm-up -1: 0 to 3600");
        assertEquals(USAGE, run("--repetitions", "101"));
        assertSays("--repetitions 101: 1 to 100");
    }

    @Test
    void whatIsNoNumberIsTold() {
        assertEquals(USAGE, run("--seconds", "six"));
        assertSays("'--seconds'");
        assertSays("'six' is not an int");
    }

    @Test
    void aStoredReportThatIsNotThereIsTold() {
        var file = folder.resolve("none.json");
        assertEquals(USAGE, run("--check", file.toString()));
        assertSays("--check " + file
                + ": a report that an earlier run has written as report.json, and there is no such file");
    }

    @Test
    void aStoredReportThatIsNoneIsTold() throws IOException {
        var file = Files.writeString(folder.resolve("other.json"), "[1, 2]");
        assertEquals(USAGE, run("--check", file.toString()));
        assertSays("--check " + file + ": a report that an earlier run has written as report.json, and this is none");
    }

    private int run(String... arguments) {
        return Bench.commandLine().setErr(new PrintWriter(errors, true)).execute(arguments);
    }

    private void assertSays(String text) {
        assertTrue(errors.toString().contains(text), errors::toString);
    }
}
