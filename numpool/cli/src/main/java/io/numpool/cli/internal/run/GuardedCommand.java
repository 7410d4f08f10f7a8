package io.numpool.cli.internal.run;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A command on our stdin, stdout and stderr, in a session of its own. Signals go to its whole group; when this process dies, however it
 * dies, so does everything that came from the command.
 */
final class GuardedCommand {
    /** Names the guard's mark; a command within a command carries the marks of both. */
    private static final String MARKS = "NUMPOOL_RUN";

    private final Guard guard;
    private final Process process;

    private GuardedCommand(Guard guard, Process process) {
        this.guard = guard;
        this.process = process;
    }

    static GuardedCommand start(List<String> command, Map<String, String> environment) throws IOException {
        var guard = Guard.start();
        try {
            List<String> line = new ArrayList<>(OwnSession.prefix());
            line.addAll(command);
            var builder = new ProcessBuilder(line).inheritIO();
            builder.environment().putAll(environment);
            builder.environment().merge(MARKS, guard.mark(), (outer, own) -> outer + " " + own);
            var process = builder.start();
            guard.watch(process.pid());
            return new GuardedCommand(guard, process);
        } catch (IOException | RuntimeException e) {
            guard.close();
            throw e;
        }
    }

    /** To the command's group. */
    void signal(String name) {
        if (process.isAlive()) {
            guard.signal(name);
        }
    }

    /** The exit code, 128 + n after a signal. What the command left in the background goes on. */
    CompletableFuture<Integer> ended() {
        return process.onExit().thenApply(ended -> {
            guard.close();
            return ended.exitValue();
        });
    }

    /** TERM to the group, then KILL to all that came from the command. Returns when the command has ended. */
    void end(Duration killAfter) throws InterruptedException {
        guard.signal("TERM");
        guard.signal("CONT");
        process.waitFor(killAfter.toNanos(), TimeUnit.NANOSECONDS);
        guard.kill();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
    }
}
