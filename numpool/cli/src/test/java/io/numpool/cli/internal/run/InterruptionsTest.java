package io.numpool.cli.internal.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.JavaProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InterruptionsTest {
    private final List<Process> hosts = new ArrayList<>();

    @AfterEach
    void noHostStays() {
        hosts.forEach(Process::destroyForcibly);
    }

    private Process readyHost(String... command) throws Exception {
        var host = JavaProcess.of(InterruptedHost.class, command).start();
        hosts.add(host);
        assertEquals("ready", host.inputReader().readLine());
        return host;
    }

    private static void signal(Process process, String name) throws Exception {
        var kill = new ProcessBuilder("kill", "-s", name, Long.toString(process.pid()));
        assertEquals(0, kill.start().waitFor());
    }

    @Test
    void whatIsWaitedForIsTheResult() {
        try (var interruptions = new Interruptions()) {
            assertEquals("slot", interruptions.await(CompletableFuture.completedFuture("slot")));
        }
    }

    @Test
    void aFailureIsThrownAsItIs() {
        try (var interruptions = new Interruptions()) {
            var failure = Failure.usage("no such pool");
            assertSame(
                    failure,
                    assertThrows(Failure.class, () -> interruptions.await(CompletableFuture.failedFuture(failure))));
        }
    }

    @ParameterizedTest
    @CsvSource({"INT, 2", "TERM, 15", "HUP, 1"})
    void aSignalEndsTheWaitingWithoutAWord(String name, int number) throws Exception {
        var host = readyHost();
        signal(host, name);
        assertEquals("message null, cancelled true", host.inputReader().readLine());
        assertEquals(ExitCode.ofSignal(number), host.waitFor());
    }

    @Test
    void aSignalThatDoesNotAskToEndEndsNothing() throws Exception {
        var host = readyHost();
        signal(host, "USR1");
        signal(host, "WINCH");
        signal(host, "TERM");
        assertEquals(143, host.waitFor());
    }

    @Test
    void aSignalThatCameJustBeforeTheCommandStartedReachesIt() throws Exception {
        var host = readyHost("sleep", "600");
        signal(host, "TERM");
        assertEquals(143, host.waitFor());
    }
}
