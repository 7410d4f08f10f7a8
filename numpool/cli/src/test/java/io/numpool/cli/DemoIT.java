package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DemoIT {
    @TempDir
    private Path folder;

    private Outcome demo(String... options) throws Exception {
        var line = new String[options.length + 1];
        line[0] = "demo";
        System.arraycopy(options, 0, line, 1, options.length);
        return new NumpoolJar(folder, Stage.shared().programsOnly()).run(line);
    }

    @Test
    void promisesAreKeptWhileAHolderIsKilledAndTheVerdictIsOneJsonObject() throws Exception {
        var outcome = demo("--seconds=5", "--workers=4", "--slots=2", "--kill=1", "--format=json");
        var verdict = outcome.expect(0).json();
        assertTrue(verdict.get("grants").asInt() > 10, outcome::out);
        assertEquals(0, verdict.get("doubleGrants").asInt());
        assertEquals(0, verdict.get("overtakes").asInt());
        assertTrue(verdict.get("longestWaitMillis").isIntegralNumber(), outcome::out);
        var reclaimMillis = verdict.get("reclaimMillis").asLong(-1);
        assertTrue(reclaimMillis >= 0 && reclaimMillis <= 4_500, outcome::out);
        assertEquals(
                "on/on",
                verdict.get("fsync").asText() + "/"
                        + verdict.get("synchronousCommit").asText());
    }

    @ParameterizedTest
    @CsvSource({"double, 4, 2, doubleGrants", "overtake, 5, 2, overtakes"})
    void aBrokenPromiseIsSeen(String misbehaviour, int workers, int slots, String broken) throws Exception {
        var outcome = demo(
                "--break=" + misbehaviour,
                "--workers=" + workers,
                "--slots=" + slots,
                "--seconds=2",
                "--kill=0",
                "--format=json");
        var verdict = outcome.expect(1).json();
        assertTrue(verdict.get(broken).asInt() > 0, outcome::out);
        assertEquals(false, verdict.get("promisesKept").asBoolean());
    }

    @Test
    void forAPersonTheVerdictIsTextWithoutColoursInAPipe() throws Exception {
        var outcome =
                demo("--seconds=1", "--workers=2", "--slots=1", "--kill=0").expect(0);
        assertEquals("", outcome.err());
        assertTrue(outcome.out().contains("All promises kept.\n"), outcome::out);
        assertTrue(!outcome.out().contains("\u001b"), outcome::out);
    }
}
