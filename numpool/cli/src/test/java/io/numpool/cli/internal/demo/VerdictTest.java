package io.numpool.cli.internal.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerdictTest {
    private static final long MILLI = 1_000_000;

    @TempDir
    private Path folder;

    /** One line per slot that was held: worker, slot, ticket, and when it was asked for, started and ended, in ms; "-" when it never ended. */
    private void history(String... lines) throws Exception {
        for (var line : lines) {
            var words = line.split(" +");
            var text = "start " + words[1] + " " + words[2] + " " + nanos(words[3]) + " " + nanos(words[4]) + "\n"
                    + (words[5].equals("-") ? "" : "end " + words[2] + " " + nanos(words[5]) + "\n");
            Files.writeString(
                    folder.resolve("worker-" + words[0]),
                    text,
                    java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND);
        }
    }

    private static long nanos(String millis) {
        return Long.parseLong(millis) * MILLI;
    }

    private Verdict verdict(Kill... kills) throws Exception {
        return Verdict.of(History.merge(folder, List.of(kills)), List.of(kills));
    }

    @Test
    void aCleanHistoryKeepsAllPromises() throws Exception {
        history("1 0 10 0 1 5", "2 1 11 0 1 9", "3 0 12 2 6 8", "1 0 13 7 9 12", "2 1 14 10 11 12");
        assertEquals(new Verdict(5, 0, 0, 4, null, 0), verdict());
        assertTrue(verdict().promisesKept());
    }

    @Test
    void nothingAtAllIsNoKeptPromise() throws Exception {
        assertFalse(verdict().promisesKept());
    }

    @Test
    void twoHoldersOfASlotAtATimeAreADoubleGrant() throws Exception {
        history("1 0 10 0 1 5", "2 0 11 0 4 9");
        assertEquals(1, verdict().doubleGrants());
        assertFalse(verdict().promisesKept());
    }

    @Test
    void whoNeverEndedStillHolds() throws Exception {
        history("1 0 10 0 1 -", "2 0 11 0 4 9");
        assertEquals(1, verdict().doubleGrants());
    }

    @Test
    void aShortHoldWithinALongOneDoesNotHideTheNext() throws Exception {
        history("1 0 10 0 1 100", "2 0 11 0 4 5", "3 0 12 0 50 60");
        assertEquals(2, verdict().doubleGrants());
    }

    @Test
    void anEarlierTicketWhoseSlotWasStillInUseWhenALaterOneHadStartedWasOvertaken() throws Exception {
        history("1 0 10 0 1 20", "2 1 13 0 5 30", "3 0 12 0 21 30");
        assertEquals(1, verdict().overtakes());
        assertFalse(verdict().promisesKept());
    }

    @Test
    void aLateStartAloneIsNoOvertake() throws Exception {
        // granted at 4, written down at 9 only, because the process was slow
        history("1 0 10 0 1 3", "2 1 13 0 5 30", "3 0 12 0 9 30");
        assertEquals(0, verdict().overtakes());
    }

    @Test
    void aRequestThatCameAfterATicketWasKnownMustHaveALaterOne() throws Exception {
        history("1 0 10 0 1 30", "2 1 9 2 3 30");
        assertEquals(1, verdict().overtakes());
    }

    @Test
    void theKilledHolderHeldUntilTheKillAndItsSlotIsTimedFromThere() throws Exception {
        history("1 0 10 0 1 -", "2 1 11 0 1 9", "3 1 12 0 10 20", "3 0 13 21 2400 2500");
        var verdict = verdict(new Kill(1, 50 * MILLI));
        assertEquals(new Verdict(4, 0, 0, 2379, 2350L, 0), verdict);
        assertTrue(verdict.promisesKept());
    }

    @Test
    void theLongestOfSeveralReclaimsCountsAndTheBoundIsKeptToTheMilli() throws Exception {
        history("1 0 10 0 1 -", "2 1 11 0 1 -", "3 0 12 0 100 200", "3 1 13 0 4510 4600");
        var verdict = verdict(new Kill(1, 10 * MILLI), new Kill(2, 10 * MILLI));
        assertEquals(4500L, verdict.reclaimMillis());
        assertTrue(verdict.promisesKept());
        assertFalse(verdict(new Kill(1, 10 * MILLI), new Kill(2, 9 * MILLI)).promisesKept());
    }

    @Test
    void aSlotThatIsNotGrantedOnAfterAKillBreaksAPromise() throws Exception {
        history("1 0 10 0 1 -", "2 1 11 0 1 9");
        var verdict = verdict(new Kill(1, 50 * MILLI));
        assertNull(verdict.reclaimMillis());
        assertEquals(1, verdict.unreclaimed());
        assertFalse(verdict.promisesKept());
    }

    @Test
    void aLineThatWasNotWrittenToItsEndDoesNotCount() throws Exception {
        Files.writeString(folder.resolve("worker-1"), "start 0 10 0 1000000\nend 10 500");
        Files.writeString(folder.resolve("worker-2"), "start 0 11 0 ");
        assertEquals(1, verdict(new Kill(1, 4 * MILLI)).grants());
    }
}
