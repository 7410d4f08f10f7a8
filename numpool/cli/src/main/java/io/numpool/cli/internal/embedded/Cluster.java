package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * One PostgreSQL with its data, password and log in one folder. Loopback only, scram, durable. Whoever starts or stops it holds
 * the folder's lock; reading its state needs none.
 */
public final class Cluster {
    private static final String USER = "numpool";
    private static final int PORT_ATTEMPTS = 5;
    private static final long STATE_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long STATE_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final String SETTINGS = """

            # numpool
            listen_addresses = '127.0.0.1'
            unix_socket_directories = ''
            max_connections = 300
            """;

    private final ClusterFiles files;

    public Cluster(Path folder) {
        this.files = new ClusterFiles(folder);
    }

    public ClusterFiles files() {
        return files;
    }

    /** The server that is ready for connections, if there is one. */
    public Optional<RunningServer> running() throws IOException {
        return serving()
                .filter(pid -> pid.state() == PidFile.State.READY)
                .map(pid -> new RunningServer(pid.pid(), pid.port()));
    }

    public DatabaseAddress address(RunningServer server) throws IOException {
        return new DatabaseAddress(
                "jdbc:postgresql://127.0.0.1:" + server.port() + "/postgres", USER, files.readPassword());
    }

    /** Returns the server, started if it was not there. */
    RunningServer start(PostgresPrograms programs) throws IOException {
        settle();
        var there = running();
        if (there.isPresent()) {
            return there.get();
        }
        if (!Files.isDirectory(files.data())) {
            initialize(programs);
        }
        forgetDeadServer();
        return launch(programs);
    }

    /** Whether there was anything to stop. */
    boolean stop(PostgresPrograms programs, String mode) throws IOException {
        if (serving().isEmpty()) {
            return false;
        }
        programs.run(
                        files.control(),
                        "pg_ctl",
                        "stop",
                        "--wait",
                        "--timeout=60",
                        "--mode=" + mode,
                        "--pgdata=" + files.data())
                .orFail("the embedded PostgreSQL did not stop", files.control());
        return true;
    }

    private Optional<PidFile> serving() throws IOException {
        return PidFile.read(files.data()).filter(pid -> PostgresProcess.serves(pid.pid(), files.data()));
    }

    /** Waits until a server that is on its way up or down has got there. */
    private void settle() throws IOException {
        awaitUntil(
                "is neither up nor down",
                () -> serving().map(pid -> pid.state() == PidFile.State.READY).orElse(true));
    }

    /**
     * PostgreSQL itself sees through a pid file whose process is gone, but not through one whose number is now somebody else's,
     * nor through an empty one.
     */
    private void forgetDeadServer() throws IOException {
        var numberIsTaken = PidFile.read(files.data())
                .map(dead -> ProcessHandle.of(dead.pid()).isPresent())
                .orElse(true);
        if (numberIsTaken && Files.exists(PidFile.of(files.data()))) {
            awaitUntil(
                    "was killed, and some of its processes are still at work",
                    () -> PostgresProcess.all(files.data()).isEmpty());
            Files.deleteIfExists(PidFile.of(files.data()));
        }
    }

    private void initialize(PostgresPrograms programs) throws IOException {
        var staging = files.data().resolveSibling("data.new");
        Folders.delete(staging);
        Folders.create(staging, "rwx------");
        programs.privileges().own(staging);
        var password = files.passwordFor(programs.privileges());
        try {
            programs.run(
                            files.control(),
                            "initdb",
                            "--pgdata=" + staging,
                            "--username=" + USER,
                            "--pwfile=" + password,
                            "--auth=scram-sha-256",
                            "--encoding=UTF8",
                            "--no-locale")
                    .orFail("initdb failed", files.control());
        } finally {
            Files.deleteIfExists(password);
        }
        Files.writeString(staging.resolve("postgresql.conf"), SETTINGS, java.nio.file.StandardOpenOption.APPEND);
        Files.move(staging, files.data(), StandardCopyOption.ATOMIC_MOVE);
    }

    private RunningServer launch(PostgresPrograms programs) throws IOException {
        files.prepareLog(programs.privileges());
        for (int attempt = 1; ; attempt++) {
            var port = freePort(attempt == 1 ? files.readPort().orElse(0) : 0);
            var started = programs.run(
                    files.control(),
                    "pg_ctl",
                    "start",
                    "--wait",
                    "--timeout=60",
                    "--pgdata=" + files.data(),
                    "--log=" + files.log(),
                    "--options=-p " + port);
            if (started.succeeded()) {
                files.writePort(port);
                return running()
                        .orElseThrow(() -> Failure.usage(
                                "the embedded PostgreSQL ended right after its start; see " + files.log()));
            }
            // Between our look at the port and the server's, anybody may have taken it.
            if (attempt == PORT_ATTEMPTS || isFree(port)) {
                started.orFail("the embedded PostgreSQL did not start", files.log());
            }
        }
    }

    private static int freePort(int preferred) throws IOException {
        if (preferred != 0 && isFree(preferred)) {
            return preferred;
        }
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static boolean isFree(int port) {
        try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException taken) {
            return false;
        }
    }

    private static void awaitUntil(String complaint, Condition condition) throws IOException {
        var deadline = System.nanoTime() + STATE_TIMEOUT_NANOS;
        while (!condition.holds()) {
            if (System.nanoTime() - deadline > 0) {
                throw Failure.usage("the embedded PostgreSQL " + complaint);
            }
            LockSupport.parkNanos(STATE_LOOK_NANOS);
        }
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    /** A server that is ready for connections. */
    public record RunningServer(long pid, int port) {}
}
