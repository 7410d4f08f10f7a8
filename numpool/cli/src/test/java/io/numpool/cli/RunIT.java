package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.NumpoolJar.Running;
import io.numpool.cli.internal.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunIT {
    /** Detach grace, two reaper ticks and half a second, at the defaults; and as much again for a machine that has other work to do. */
    private static final long RECLAIM_MILLIS = 4_500 + 4_500;

    /** Holds its slot until there is a file "go". */
    private static final String HOLD = "touch held; while [ ! -e go ]; do sleep 0.05; done";

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

    private Running start(String pool, String script) throws IOException {
        var running = numpool.start(
                "run",
                "--pool",
                pool,
                "--capacity",
                "1",
                "--label",
                script,
                "--",
                "sh",
                "-c",
                "cd " + folder + "; " + script);
        started.add(running);
        return running;
    }

    private Running startHolder(String pool) throws Exception {
        var holder = start(pool, HOLD);
        awaitFile("held");
        return holder;
    }

    private Running startWaiter(String pool, String script) throws Exception {
        var waiter = start(pool, script);
        Await.until("somebody waits", () -> Stage.shared().waiting() == 1);
        return waiter;
    }

    private void awaitFile(String name) throws Exception {
        Await.until(name, () -> Files.exists(folder.resolve(name)));
    }

    @ParameterizedTest
    @CsvSource({"exit 0, 0", "exit 7, 7", "kill -TERM $$, 143", "kill -KILL $$, 137"})
    void theExitCodeIsTheCommandsAndSoAreStdoutAndStderr(String end, int expected) throws Exception {
        var script = "echo $NUMPOOL_POOL $NUMPOOL_INDEX; test $NUMPOOL_TOKEN -gt 0 && echo oops >&2; " + end;
        var outcome = numpool.run("run", "--pool", "codes", "--capacity", "1", "--", "sh", "-c", script);
        assertEquals(new Outcome(expected, "codes 0\n", "oops\n"), outcome);
    }

    @Test
    void whoGetsNoSlotInTimeEndsWith124AndTheCommandIsNotStarted() throws Exception {
        var holder = startHolder("timeouts");
        for (var timeout : List.of("0", "300ms", "PT0.5S")) {
            numpool.run("run", "--pool", "timeouts", "--timeout", timeout, "--", "touch", folder + "/started")
                    .expectComplaint(124, "no slot of pool 'timeouts' within");
        }
        assertFalse(Files.exists(folder.resolve("started")));
        Files.createFile(folder.resolve("go"));
        assertEquals(new Outcome(0, "", ""), holder.outcome());
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143", "HUP, 129"})
    void aSignalWhileWaitingLeavesTheQueueAtOnce(String signal, int expected) throws Exception {
        var holder = startHolder("queue-" + signal);
        var waiter = startWaiter("queue-" + signal, "touch started");
        waiter.signal(signal);
        assertEquals(new Outcome(expected, "", ""), waiter.outcome());
        assertEquals(0, Stage.shared().waiting(), "it had left before it ended");
        assertFalse(Files.exists(folder.resolve("started")));
        Files.createFile(folder.resolve("go"));
        assertEquals(0, holder.outcome().exitCode());
    }

    @Test
    void aSignalWhileTheCommandRunsIsTheCommands() throws Exception {
        var running = start("signals", "trap 'exit 42' INT; " + HOLD);
        awaitFile("held");
        running.signal("INT");
        assertEquals(new Outcome(42, "", ""), running.outcome());
    }

    @Test
    void whenNumpoolIsKilledTheCommandAndItsChildrenEndBeforeTheNextInLineGetsTheSlot() throws Exception {
        var victim = start(
                "killed", "sleep 600 & echo $! > family; setsid sleep 601 & echo $! $$ >> family; touch held; wait");
        awaitFile("held");
        var family = List.of(Files.readString(folder.resolve("family")).strip().split("\\s+"));
        var waiter = startWaiter(
                "killed",
                "date +%s%3N > granted; for p in " + String.join(" ", family)
                        + "; do [ ! -e /proc/$p ] || grep -qs ') Z ' /proc/$p/stat || echo $p lives; done");
        var killed = System.currentTimeMillis();
        victim.process().destroyForcibly();
        assertEquals(new Outcome(0, "", ""), waiter.outcome());
        assertEquals(3, family.size());
        var took = Long.parseLong(Files.readString(folder.resolve("granted")).strip()) - killed;
        assertTrue(took < RECLAIM_MILLIS, () -> "took " + took + " ms");
    }

    @Test
    void whoLosesTheSlotEndsTheCommandAndSaysSo() throws Exception {
        var holder = startHolder("lost");
        numpool.run("delete", "lost", "--force").expect(0);
        holder.outcome().expectComplaint(75, "slot 0 of 'lost' was lost");
    }

    @Test
    void aPoolThatIsMissingAndHasNoCapacityIsAnErrorAndTheCommandIsNotStarted() throws Exception {
        numpool.run("run", "--pool", "nowhere", "--", "touch", folder + "/started")
                .expectComplaint(2, "there is no pool 'nowhere'");
        assertFalse(Files.exists(folder.resolve("started")));
    }

    @Test
    void whatCannotRunNeverWaits() throws Exception {
        var plain = Files.createFile(folder.resolve("plain")).toString();
        var holder = startHolder("runnable");
        numpool.run("run", "--pool", "runnable", "--", "no-such-program").expectComplaint(127, "no-such-program");
        numpool.run("run", "--pool", "runnable", "--", plain).expectComplaint(126, plain);
        Files.createFile(folder.resolve("go"));
        assertEquals(0, holder.outcome().exitCode());
    }
}
