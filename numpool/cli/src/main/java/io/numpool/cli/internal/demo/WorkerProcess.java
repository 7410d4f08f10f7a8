package io.numpool.cli.internal.demo;

import io.numpool.NumpoolAsync;
import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A worker as the demo sees it: an operating system process of its own. */
public final class WorkerProcess implements AutoCloseable {
    static final String POOL = "demo";
    private static final int PATIENCE_SECONDS = 60;

    private final int number;
    private final Process process;
    private final Path errors;
    private final CompletableFuture<Void> ready =
            new CompletableFuture<Void>().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS);
    private final CompletableFuture<Integer> holding = new CompletableFuture<>();
    private final CompletableFuture<Void> misbehaved = new CompletableFuture<>();

    private WorkerProcess(int number, Process process, Path errors) {
        this.number = number;
        this.process = process;
        this.errors = errors;
        var listener = new Thread(this::listen, "worker-" + number);
        listener.setDaemon(true);
        listener.start();
    }

    /** What runs inside of it. */
    public static void main(int number, Path folder, Misbehaviour misbehaviour, Supplier<NumpoolAsync> open)
            throws IOException {
        var orders = new Orders();
        try (var history = History.create(folder, number);
                var client = open.get();
                var pool = Answer.of(client.pool(POOL))) {
            orders.tellReady();
            orders.begin().join();
            new DemoWorker(number, pool, history, orders, misbehaviour).work();
        }
    }

    static WorkerProcess start(int number, Path folder, DatabaseAddress database, Misbehaviour misbehaviour)
            throws IOException {
        var errors = folder.resolve("errors-" + number);
        var builder = new ProcessBuilder(command(number, folder, misbehaviour)).redirectError(errors.toFile());
        builder.environment().put("NUMPOOL_URL", database.jdbcUrl());
        builder.environment().put("PGUSER", database.user());
        builder.environment().put("PGPASSWORD", database.password());
        return new WorkerProcess(number, builder.start(), errors);
    }

    private static List<String> command(int number, Path folder, Misbehaviour misbehaviour) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                // Many JVMs start at once and live for seconds.
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "io.numpool.cli.Main",
                "demo-worker",
                "--number=" + number,
                "--folder=" + folder));
        if (misbehaviour != Misbehaviour.none) {
            command.add("--break=" + misbehaviour);
        }
        return command;
    }

    int number() {
        return number;
    }

    long pid() {
        return process.pid();
    }

    CompletableFuture<Void> ready() {
        return ready;
    }

    void begin() {
        order(Orders.BEGIN);
    }

    /** Makes it keep the next slot it gets; completes with that slot when it has it. */
    CompletableFuture<Integer> holdOn() {
        order(Orders.HOLD);
        return holding.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** When it has done what it was started for. */
    CompletableFuture<Void> misbehaved() {
        return misbehaved;
    }

    /** SIGKILL. Returns when it was, just before. */
    Kill kill() {
        var kill = new Kill(number, System.nanoTime());
        process.destroyForcibly();
        return kill;
    }

    /** Lets it finish what it is at. */
    void stop() throws IOException {
        process.getOutputStream().close();
    }

    void awaitEnd() throws InterruptedException {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw Failure.usage("worker " + number + " of the demo does not end");
        }
        if (process.exitValue() != 0) {
            throw unexpectedEnd();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void order(String word) {
        try {
            process.getOutputStream().write((word + "\n").getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            process.getOutputStream().flush();
        } catch (IOException gone) {
            throw unexpectedEnd();
        }
    }

    private void listen() {
        try (BufferedReader out = process.inputReader()) {
            for (var line = out.readLine(); line != null; line = out.readLine()) {
                if (line.equals(Orders.READY)) {
                    ready.complete(null);
                } else if (line.equals(Orders.MISBEHAVED)) {
                    misbehaved.complete(null);
                } else if (line.startsWith(Orders.HOLDING)) {
                    holding.complete(Integer.valueOf(line.substring(Orders.HOLDING.length() + 1)));
                }
            }
        } catch (IOException gone) {
            // as the end
        }
        ready.completeExceptionally(unexpectedEnd());
        holding.completeExceptionally(unexpectedEnd());
        misbehaved.completeExceptionally(unexpectedEnd());
    }

    private Failure unexpectedEnd() {
        return Failure.usage("worker " + number + " of the demo has ended: " + lastWords());
    }

    private String lastWords() {
        try {
            return Files.exists(errors) ? Files.readString(errors).strip() : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
