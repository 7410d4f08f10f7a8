package io.numpool.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A process of its own that runs a main class with the class path of this one, to be frozen and killed. What it prints arrives as
 * {@link #lines signals}. It never outlives its test: closing kills it, and so does the end of this JVM, unless that is killed itself.
 */
public final class ChildJvm implements AutoCloseable {
    private final String name;
    private final Process process;
    private final Thread hook;
    private final Signals<String> lines;
    private final ConcurrentLinkedQueue<String> transcript = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Void> drained;

    private ChildJvm(String name, Process process) {
        this.name = name;
        this.process = process;
        this.lines = new Signals<>(name);
        this.hook = new Thread(process.toHandle()::destroyForcibly, "kill " + name);
        Runtime.getRuntime().addShutdownHook(hook);
        this.drained = CompletableFuture.allOf(
                drain(process.inputReader(StandardCharsets.UTF_8), lines),
                drain(process.errorReader(StandardCharsets.UTF_8), null));
    }

    /**
     * Starts a process.
     *
     * @param main a class with a main method; need not be public
     * @param arguments of the main method
     * @return the running process
     */
    public static ChildJvm start(Class<?> main, String... arguments) {
        return start(List.of(), main, arguments);
    }

    /**
     * Starts a process with options for its JVM.
     *
     * @param options such as {@code -Xmx64m}; the system properties {@code numpool.*} of this JVM are handed on anyway
     * @param main a class with a main method; need not be public
     * @param arguments of the main method
     * @return the running process
     */
    public static ChildJvm start(List<String> options, Class<?> main, String... arguments) {
        return start(Map.of(), options, main, arguments);
    }

    /**
     * Starts a process with options for its JVM, in an environment of its own.
     *
     * @param environment variables to set beside those of this JVM
     * @param options as above
     * @param main a class with a main method; need not be public
     * @param arguments of the main method
     * @return the running process
     */
    public static ChildJvm start(
            Map<String, String> environment, List<String> options, Class<?> main, String... arguments) {
        var command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(
                List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
        command.addAll(ownProperties());
        command.addAll(options);
        command.add(main.getName());
        command.addAll(List.of(arguments));
        try {
            var builder = new ProcessBuilder(command);
            builder.environment().putAll(environment);
            var process = builder.start();
            return new ChildJvm(main.getSimpleName() + " " + process.pid(), process);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * What it prints to standard output, line by line.
     *
     * @return the signals; those who take one take it from everybody
     */
    public Signals<String> lines() {
        return lines;
    }

    /**
     * Waits for a line that begins so, drops those before it.
     *
     * @param prefix the beginning
     * @return the rest of the line
     * @throws AssertionError when none comes within {@link Await#BOUND}; it tells everything that the process printed
     */
    public String expect(String prefix) {
        try {
            return lines.next("a line with " + prefix, line -> line.startsWith(prefix))
                    .substring(prefix.length());
        } catch (AssertionError missing) {
            throw new AssertionError(missing.getMessage() + "\n" + output(), missing);
        }
    }

    /**
     * Writes a line to its standard input.
     *
     * @param line what
     */
    public void send(String line) {
        try {
            var input = process.getOutputStream();
            input.write((line + System.lineSeparator()).getBytes(StandardCharsets.UTF_8));
            input.flush();
        } catch (IOException failed) {
            throw new UncheckedIOException(name + ": " + output(), failed);
        }
    }

    /** Freezes it (SIGSTOP). */
    public void freeze() {
        ProcessSignal.STOP.send(pid());
    }

    /** Lets it go on (SIGCONT). */
    public void thaw() {
        ProcessSignal.CONT.send(pid());
    }

    /** Kills it (SIGKILL), and waits until it is gone and all that it printed has arrived. */
    public void kill() {
        process.toHandle()
                .destroyForcibly(); // the process's own method would also close the streams that are still read
        awaitExit(Await.BOUND);
    }

    /**
     * Waits for its end, and until all that it printed has arrived.
     *
     * @param bound how long at most
     * @return its exit code
     * @throws AssertionError when it runs on; it tells everything that the process printed
     */
    public int awaitExit(Duration bound) {
        try {
            if (!process.waitFor(bound.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(name + " runs on after " + bound.toMillis() + " ms:\n" + output());
            }
            drained.get(bound.toMillis(), TimeUnit.MILLISECONDS);
            return process.exitValue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting for " + name, interrupted);
        } catch (ExecutionException | TimeoutException failed) {
            throw new AssertionError("Cannot read what " + name + " printed", failed);
        }
    }

    /**
     * Its process id.
     *
     * @return as the operating system counts
     */
    public long pid() {
        return process.pid();
    }

    /**
     * Whether it runs; frozen counts as running.
     *
     * @return false when it has ended
     */
    public boolean isAlive() {
        return process.isAlive();
    }

    /**
     * Everything that it printed so far, to either stream.
     *
     * @return the lines, with a newline after each
     */
    public String output() {
        return String.join("\n", transcript);
    }

    /** Kills it, if it still runs. */
    @Override
    public void close() {
        kill();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            return; // the hook finds nothing left to do
        }
    }

    @Override
    public String toString() {
        return name;
    }

    private CompletableFuture<Void> drain(BufferedReader stream, Signals<String> signals) {
        var done = new CompletableFuture<Void>();
        var reader = new Thread(() -> read(stream, signals, done), "output of " + name);
        reader.setDaemon(true);
        reader.start();
        return done;
    }

    private void read(BufferedReader stream, Signals<String> signals, CompletableFuture<Void> done) {
        try (stream) {
            for (var line = stream.readLine(); line != null; line = stream.readLine()) {
                transcript.add(line);
                if (signals != null) {
                    signals.send(line);
                }
            }
            done.complete(null);
        } catch (IOException broken) {
            done.completeExceptionally(broken);
        }
    }

    private static List<String> ownProperties() {
        return System.getProperties().stringPropertyNames().stream()
                .filter(property -> property.startsWith("numpool.") || property.equals("user.timezone"))
                .map(property -> "-D" + property + "=" + System.getProperty(property))
                .toList();
    }
}
