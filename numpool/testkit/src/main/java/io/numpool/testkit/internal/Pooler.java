package io.numpool.testkit.internal;

import io.numpool.testkit.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.postgresql.ds.PGSimpleDataSource;

/** One pgbouncer process, its folder and an {@link Undertaker} for both. */
public final class Pooler implements AutoCloseable {
    private static final String PROPERTY = "numpool.test.pgbouncer";
    private static final int PORT_TRIES = 5;
    private static final long STOP_SECONDS = 30;

    private final Path home;
    private final int port;
    private final Undertaker undertaker;
    private Process process;

    private Pooler(Path home, int port) throws IOException {
        this.home = home;
        this.port = port;
        this.undertaker = new Undertaker(home, pidFile());
    }

    /**
     * Where the program is.
     *
     * @return empty when there is none
     */
    public static Optional<Path> program() {
        var named = System.getProperty(PROPERTY);
        if (named != null) {
            if (!Files.isExecutable(Path.of(named))) {
                throw new IllegalStateException(PROPERTY + " is " + named + ", which can't be run");
            }
            return Optional.of(Path.of(named));
        }
        return Stream.concat(Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/usr/local/sbin"))
                .map(folder -> Path.of(folder, "pgbouncer"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Starts one on a free port.
     *
     * @param program pgbouncer
     * @param database behind it
     * @param serverConnections at most so many to the server
     * @return one that accepts connections
     */
    public static Pooler start(Path program, PGSimpleDataSource database, int serverConnections) {
        for (var attempt = 1; ; attempt++) {
            var pooler = create();
            try {
                pooler.run(program, database, serverConnections);
                return pooler;
            } catch (IOException | RuntimeException failed) {
                var taken = pooler.log().contains("Address already in use");
                pooler.close();
                if (attempt == PORT_TRIES || !taken) {
                    throw failed instanceof RuntimeException unchecked
                            ? unchecked
                            : new UncheckedIOException((IOException) failed);
                }
            }
        }
    }

    /**
     * Where it listens.
     *
     * @return a TCP port on the loopback address
     */
    public int port() {
        return port;
    }

    /**
     * What it wrote.
     *
     * @return the whole log
     */
    public String log() {
        try {
            return Files.exists(logFile()) ? Files.readString(logFile()) : "";
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @Override
    public void close() {
        if (!Files.exists(home)) {
            return;
        }
        if (process != null) {
            end();
        }
        undertaker.dismiss();
        try {
            Binaries.deleteTree(home);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static Pooler create() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new Pooler(Files.createTempDirectory("numpool-pgbouncer-"), socket.getLocalPort());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private void run(Path program, PGSimpleDataSource database, int serverConnections) throws IOException {
        var configuration =
                Files.writeString(home.resolve("pgbouncer.ini"), configuration(database, serverConnections));
        Files.createFile(logFile());
        Unprivileged.own(home);
        process = new ProcessBuilder(Unprivileged.command(List.of(program.toString(), configuration.toString())))
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()))
                .start();
        try {
            Await.until("PgBouncer to listen", () -> !process.isAlive() || accepts());
        } catch (AssertionError tooLong) {
            throw new IllegalStateException("PgBouncer does not get ready:\n" + log(), tooLong);
        }
        if (!process.isAlive()) {
            throw new IllegalStateException("PgBouncer ended at once:\n" + log());
        }
    }

    private String configuration(PGSimpleDataSource database, int serverConnections) {
        return """
                [databases]
                %s = host=%s port=%d dbname=%s user=%s password='%s'
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = %d
                unix_socket_dir =
                auth_type = any
                pool_mode = transaction
                default_pool_size = %d
                max_client_conn = 500
                ignore_startup_parameters = extra_float_digits
                pidfile = %s
                """.formatted(
                        database.getDatabaseName(),
                        database.getServerNames()[0],
                        database.getPortNumbers()[0],
                        database.getDatabaseName(),
                        database.getUser(),
                        database.getPassword().replace("'", "''"),
                        port,
                        serverConnections,
                        pidFile());
    }

    private boolean accepts() {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    private void end() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new IllegalStateException(
                        "PgBouncer did not stop in " + STOP_SECONDS + " s and was killed:\n" + log());
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while stopping PgBouncer", interrupted);
        }
    }

    private Path pidFile() {
        return home.resolve("pgbouncer.pid");
    }

    private Path logFile() {
        return home.resolve("pgbouncer.log");
    }
}
