package io.numpool.cli.internal.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.JavaProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuardedCommandTest {
    private static final long PATIENCE_SECONDS = 20;

    /** Prints its own number and that of a child, of a child in a session of its own, and of a grandchild that nobody is the parent of. */
    private static final String FAMILY =
            "echo $$; sleep 600 & echo $!; setsid sleep 601 & echo $!; (setsid sleep 602 & echo $!) & wait";

    @TempDir
    private Path folder;

    private final List<Process> hosts = new ArrayList<>();

    @AfterEach
    void noHostStays() {
        hosts.forEach(Process::destroyForcibly);
    }

    private Process host(String... command) throws IOException {
        var host = JavaProcess.of(GuardedHost.class, command).start();
        hosts.add(host);
        return host;
    }

    private static void kill(Process process, String signal) throws Exception {
        assertEquals(
                0,
                new ProcessBuilder("kill", "-s", signal, Long.toString(process.pid()))
                        .start()
                        .waitFor());
    }

    private static List<Long> family(BufferedReader out) throws IOException {
        List<Long> members = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            members.add(Long.valueOf(out.readLine()));
        }
        return members;
    }

    private static Duration untilAllEnd(List<Long> members) throws Exception {
        return Await.until("the end of " + members, () -> {
            for (var member : members) {
                if (!Await.hasEnded(member)) {
                    return false;
                }
            }
            return true;
        });
    }

    @Test
    void whenTheSupervisorIsKilledTheCommandAndAllThatCameFromItEndWithinASecond() throws Exception {
        var host = host("sh", "-c", FAMILY);
        var members = family(host.inputReader());
        host.destroyForcibly();
        var took = untilAllEnd(members);
        assertTrue(took.compareTo(Duration.ofSeconds(1)) < 0, () -> "took " + took);
    }

    @Test
    void aCommandThatIgnoresTermEndsWithinASecondToo() throws Exception {
        var host = host("sh", "-c", "trap '' TERM; " + FAMILY);
        var members = family(host.inputReader());
        host.destroyForcibly();
        var took = untilAllEnd(members);
        assertTrue(took.compareTo(Duration.ofSeconds(1)) < 0, () -> "took " + took);
    }

    @Test
    void aStoppedCommandEndsToo() throws Exception {
        var host = host("sh", "-c", "echo $$; kill -STOP $$");
        var command = Long.valueOf(host.inputReader().readLine());
        host.destroyForcibly();
        assertTrue(untilAllEnd(List.of(command)).compareTo(Duration.ofSeconds(1)) < 0);
    }

    @ParameterizedTest
    @CsvSource({
        "exit 0, 0",
        "exit 7, 7",
        "kill -TERM $$, 143",
        "kill -KILL $$, 137",
        "no-such-program-in-a-shell 2>/dev/null, 127"
    })
    void theExitCodeIsTheCommands(String script, int expected) throws Exception {
        var running = GuardedCommand.start(List.of("sh", "-c", script), Map.of());
        assertEquals(expected, running.ended().get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }

    @ParameterizedTest
    @CsvSource({"INT, 42", "TERM, 43", "HUP, 44", "USR1, 45"})
    void signalsReachTheCommand(String signal, int expected) throws Exception {
        var host = host(
                "sh",
                "-c",
                "trap 'exit 42' INT; trap 'exit 43' TERM; trap 'exit 44' HUP; trap 'exit 45' USR1; echo ready; while :; do sleep 0.01; done");
        assertEquals("ready", host.inputReader().readLine());
        kill(host, signal);
        assertEquals(expected, host.waitFor());
    }

    @Test
    void aSignalReachesTheWholeGroup() throws Exception {
        var host = host(
                "sh",
                "-c",
                "trap : TERM; (trap 'echo child; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait; wait; echo parent");
        var out = host.inputReader();
        assertEquals("ready", out.readLine());
        kill(host, "TERM");
        assertEquals(List.of("child", "parent"), List.of(out.readLine(), out.readLine()));
        assertEquals(0, host.waitFor());
    }

    @Test
    void stdinAndStdoutAreTheCommandsUntouched() throws Exception {
        var host = host("cat");
        var bytes = new byte[300_000];
        new java.util.Random(7).nextBytes(bytes);
        var writing = CompletableFuture.runAsync(() -> {
            try (var in = host.getOutputStream()) {
                in.write(bytes);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        org.junit.jupiter.api.Assertions.assertArrayEquals(
                bytes, host.getInputStream().readAllBytes());
        writing.get();
        assertEquals(0, host.waitFor());
    }

    @Test
    void whatTheCommandLeavesBehindWhenItEndsByItselfGoesOn() throws Exception {
        var host = host("sh", "-c", "sleep 600 > /dev/null & echo $!");
        var left =
                ProcessHandle.of(Long.parseLong(host.inputReader().readLine())).orElseThrow();
        assertEquals(0, host.waitFor());
        assertTrue(left.isAlive() && left.destroyForcibly());
    }

    @ParameterizedTest
    @CsvSource({"'trap \"exit 3\" TERM', 3, 20000", "'trap \"\" TERM', 137, 100"})
    void aCommandWhoseSlotIsLostIsAskedToEndAndThenMadeTo(String trap, int expected, long killAfterMillis)
            throws Exception {
        var ready = folder.resolve("ready");
        var running = GuardedCommand.start(
                List.of("sh", "-c", trap + "; touch " + ready + "; while :; do sleep 0.01; done"), Map.of());
        Await.until("the command is ready", () -> Files.exists(ready));
        running.end(Duration.ofMillis(killAfterMillis));
        assertEquals(expected, running.ended().get());
    }

    @Test
    void aCommandWithinACommandEndsWithTheOuterOne() throws Exception {
        var inner = JavaProcess.of(GuardedHost.class, "sh", "-c", FAMILY).command();
        var host = host(inner.toArray(String[]::new));
        var members = family(host.inputReader());
        host.destroyForcibly();
        var took = untilAllEnd(members);
        assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, () -> "took " + took);
    }
}
