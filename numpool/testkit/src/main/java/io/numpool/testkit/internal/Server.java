package io.numpool.testkit.internal;

import io.numpool.testkit.Await;
import io.numpool.testkit.ProcessSignal;
import io.numpool.testkit.ServerSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One postmaster on a {@link Cluster}, a child of this JVM: so it is reaped, and its end is seen at once.
 *
 * <p>Not safe for use by several threads.
 */
public final class Server {
    private static final int PORT_TRIES = 5;
    private static final int READY_LINE = 7;
    private static final long STOP_SECONDS = 30;

    private final Cluster cluster;
    private final int port;
    private Process postmaster;

    private Server(Cluster cluster, int port) {
        this.cluster = cluster;
        this.port = port;
    }

    /**
     * Makes a data folder and starts a server on a free port.
     *
     * @param settings its configuration
     * @return a running server
     */
    public static Server create(ServerSettings settings) {
        var cluster = Cluster.create(settings);
        try {
            return startOnFreePort(cluster);
        } catch (RuntimeException failed) {
            cluster.close();
            throw failed;
        }
    }

    /**
     * Starts a standby that streams from a server. It begins with a copy of the data folder, taken while the server is stopped.
     *
     * @param primary runs; is stopped and started again
     * @param name the standby's, as {@code synchronous_standby_names} knows it
     * @return a running standby, that may lag behind
     */
    public static Server createStandby(Server primary, String name) {
        primary.stop(ProcessSignal.INT);
        var cluster = primary.cluster.copy();
        try {
            primary.start();
            cluster.makeStandby(primary.port, name);
            return startOnFreePort(cluster);
        } catch (RuntimeException failed) {
            cluster.close();
            throw failed;
        }
    }

    /** Starts it again, on the same port and data. */
    public void start() {
        if (isRunning()) {
            throw new IllegalStateException("Runs already: " + this);
        }
        try {
            postmaster = new ProcessBuilder(Unprivileged.command(command()))
                    .directory(cluster.home().toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(
                            ProcessBuilder.Redirect.appendTo(cluster.logFile().toFile()))
                    .start();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        awaitReady();
    }

    /**
     * Stops it, frozen or not.
     *
     * @param how {@link ProcessSignal#INT} or {@link ProcessSignal#QUIT}
     */
    public void stop(ProcessSignal how) {
        if (!isRunning()) {
            return;
        }
        how.send(postmaster.pid());
        thaw();
        awaitEnd();
    }

    /** Kills every process of it, frozen or not: none does anything more, and none says a word. */
    public void kill() {
        if (isRunning()) {
            freeze(); // else those killed last would tell of the death of the first
            end(family());
        }
    }

    /** Kills the postmaster; its children notice, tell their clients, and end. */
    public void killPostmaster() {
        if (isRunning()) {
            end(List.of(postmaster.pid()));
        }
    }

    /** Stops every process of it where it is. Connections stay open and answer nothing. */
    public void freeze() {
        ProcessSignal.STOP.send(postmaster.pid());
        family().forEach(ProcessSignal.STOP::send);
    }

    /** Lets it go on. */
    public void thaw() {
        var family = new ArrayList<>(family());
        Collections.reverse(family);
        family.forEach(ProcessSignal.CONT::send);
    }

    /** Ends it as a power cut would, and deletes everything. May be called twice. */
    public void destroy() {
        if (isRunning()) {
            var family = family();
            stop(ProcessSignal.QUIT);
            family.forEach(ProcessSignal.KILL::send);
        }
        if (Files.exists(cluster.home())) {
            cluster.close();
        }
    }

    /**
     * Whether the postmaster lives.
     *
     * @return false before start and after stop
     */
    public boolean isRunning() {
        return postmaster != null && postmaster.isAlive();
    }

    /**
     * The port it listens on, also when it is stopped.
     *
     * @return a TCP port on the loopback address
     */
    public int port() {
        return port;
    }

    /**
     * Where it is.
     *
     * @return its address, with the superuser
     */
    public ServerAddress address() {
        return new ServerAddress("127.0.0.1:" + port, "", "postgres", Cluster.password());
    }

    /**
     * What initdb and the server wrote.
     *
     * @return the whole log
     */
    public String log() {
        return cluster.log();
    }

    /**
     * The data folder.
     *
     * @return its path
     */
    public Path data() {
        return cluster.data();
    }

    @Override
    public String toString() {
        return "PostgreSQL on port " + port + " in " + cluster.home();
    }

    // Another process may take the port between the look and the start.
    private static Server startOnFreePort(Cluster cluster) {
        for (var attempt = 1; ; attempt++) {
            var server = new Server(cluster, freePort());
            try {
                server.start();
                return server;
            } catch (IllegalStateException failed) {
                if (attempt == PORT_TRIES || !server.log().contains("Address already in use")) {
                    throw failed;
                }
            }
        }
    }

    private List<String> command() {
        return List.of(
                Binaries.folder().resolve("postgres").toString(),
                "-D",
                cluster.data().toString(),
                "-c",
                "port=" + port,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=");
    }

    private void awaitReady() {
        try {
            Await.until("a server that is ready", () -> !isRunning() || saysReady());
        } catch (AssertionError tooLong) {
            postmaster.destroyForcibly();
            throw new IllegalStateException("PostgreSQL does not get ready:\n" + log(), tooLong);
        }
        if (!isRunning()) {
            throw new IllegalStateException("PostgreSQL ended at once:\n" + log());
        }
    }

    private boolean saysReady() throws IOException {
        var lines = pidFile();
        return lines.size() > READY_LINE
                && lines.get(0).equals(Long.toString(postmaster.pid()))
                && lines.get(READY_LINE).startsWith("ready");
    }

    // That of a killed server is there until the next one takes it away.
    private List<String> pidFile() throws IOException {
        try {
            return Files.readAllLines(cluster.pidFile());
        } catch (NoSuchFileException notYet) {
            return List.of();
        }
    }

    private void awaitEnd() {
        try {
            if (!postmaster.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                family().forEach(ProcessSignal.KILL::send);
                postmaster.waitFor();
                throw new IllegalStateException(
                        "PostgreSQL did not stop in " + STOP_SECONDS + " s and was killed:\n" + log());
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while stopping " + this, interrupted);
        }
    }

    private void end(List<Long> victims) {
        var family = family();
        victims.forEach(ProcessSignal.KILL::send);
        family.forEach(ProcessSignal.CONT::send); // a frozen child notices nothing
        awaitEnd();
        Await.until("the processes of " + this + " to be gone", () -> family.stream()
                .noneMatch(pid -> ProcessHandle.of(pid).isPresent()));
    }

    private List<Long> family() {
        var pids = new ArrayList<Long>();
        pids.add(postmaster.pid());
        postmaster.descendants().map(ProcessHandle::pid).forEach(pids::add);
        return pids;
    }

    private static int freePort() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
