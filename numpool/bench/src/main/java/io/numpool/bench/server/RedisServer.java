package io.numpool.bench.server;

import io.numpool.bench.MissingException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** redis-server from the PATH, with its built-in configuration: one for the whole run. */
final class RedisServer implements RunningServer {
    private static final String PROGRAM = "redis-server";
    private static final Pattern VERSION = Pattern.compile("v=(\\S+)");
    private static final long STOP_SECONDS = 10;

    private final Path folder;
    private final int port;
    private final Process process;
    private final Thread hook;
    private final String version;

    RedisServer() {
        var program = find().orElseThrow(RedisServer::missing);
        try {
            folder = Folders.create("redis");
            port = Ports.free();
            version = versionOf(program);
            process = new ProcessBuilder(
                            program.toString(),
                            "--port",
                            Integer.toString(port),
                            "--bind",
                            "127.0.0.1",
                            "--dir",
                            folder.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(log().toFile())
                    .start();
        } catch (IOException failed) {
            throw new UncheckedIOException("Cannot start " + program, failed);
        }
        hook = new Thread(process::destroyForcibly, "kill redis-server");
        Runtime.getRuntime().addShutdownHook(hook);
        awaitReady();
    }

    /** Fails when there is no such program, before anything else is begun. */
    static void requireProgram() {
        find().orElseThrow(RedisServer::missing);
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public String version() {
        return version;
    }

    /** Rounds have names of their own, so the keys of earlier ones are in nobody's way. */
    @Override
    public Place newPlace() {
        return new Place("redis://127.0.0.1:" + port, () -> {});
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
            Folders.delete(folder);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while redis-server ends", interrupted);
        }
        Runtime.getRuntime().removeShutdownHook(hook);
    }

    private void awaitReady() {
        Ports.awaitAnswer("redis-server", () -> process.isAlive() && answersPing(), process::isAlive, this::logText);
    }

    private boolean answersPing() throws IOException {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
            return socket.getInputStream().read() == '+';
        }
    }

    private Path log() {
        return folder.resolve("log");
    }

    private String logText() {
        try {
            return Files.readString(log());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static Optional<Path> find() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(folder -> Path.of(folder, PROGRAM))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static MissingException missing() {
        return new MissingException(
                PROGRAM + " is not on the PATH, and Redisson needs one: on Debian and Ubuntu"
                        + " apt-get install --no-install-recommends redis-server (the service need not run), elsewhere see redis.io");
    }

    private static String versionOf(Path program) throws IOException {
        var asked = new ProcessBuilder(program.toString(), "--version").start();
        var text = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        var found = VERSION.matcher(text);
        return found.find() ? found.group(1) : text.strip();
    }
}
