package io.numpool.bench.round;

import io.numpool.bench.BenchException;
import io.numpool.bench.WorkerProcess;
import io.numpool.bench.contender.Assignment;
import io.numpool.bench.report.Json;
import io.numpool.testkit.ChildJvm;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** One client process of a round, as the process that runs the round sees it. What goes wrong in it is told with all that it has printed. */
final class ChildProcess implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final long PAUSE_NANOS = 5_000_000;
    private static final List<String> QUIET = List.of("-Dorg.jooq.no-logo=true", "-Dorg.jooq.no-tips=true");

    private final String name;
    private final ChildJvm jvm;

    private ChildProcess(String name, ChildJvm jvm) {
        this.name = name;
        this.jvm = jvm;
    }

    static ChildProcess start(Assignment assignment, List<String> options) {
        var all = new ArrayList<>(QUIET);
        all.addAll(options);
        var name = assignment.contender().title() + ", process " + assignment.process();
        return new ChildProcess(name, ChildJvm.start(all, WorkerProcess.class, Json.line(assignment)));
    }

    void awaitReady() {
        await(WorkerProcess.READY);
    }

    /** Lets it go at once, and count in a window. */
    void go(long begin, long end) {
        jvm.send(WorkerProcess.GO + begin + " " + end);
    }

    ProcessResult awaitResult() {
        return Json.parse(await(WorkerProcess.RESULT), ProcessResult.class);
    }

    void awaitEnd() {
        var code = jvm.awaitExit(PATIENCE);
        if (code != 0) {
            throw failure("ended with exit code " + code);
        }
    }

    @Override
    public void close() {
        jvm.close();
    }

    /** What follows a word on its line. */
    private String await(String word) {
        var deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            var alive = jvm.isAlive();
            var line = find(word);
            if (line.isPresent()) {
                return line.get();
            }
            if (!alive) {
                throw failure("ended with exit code " + jvm.awaitExit(PATIENCE));
            }
            if (System.nanoTime() - deadline > 0) {
                throw failure("said nothing of \"" + word.strip() + "\" for " + PATIENCE.toSeconds() + " s");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private Optional<String> find(String word) {
        return jvm.lines().pending().stream()
                .filter(line -> line.startsWith(word))
                .map(line -> line.substring(word.length()))
                .findFirst();
    }

    private BenchException failure(String what) {
        return new BenchException("%s, pid %d, %s. It printed:\n%s".formatted(name, jvm.pid(), what, jvm.output()));
    }
}
