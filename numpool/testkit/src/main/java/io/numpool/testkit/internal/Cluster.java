package io.numpool.testkit.internal;

import io.numpool.testkit.ServerSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The folder of one server: its data, its log, and an {@link Undertaker} that removes both when the JVM is gone. */
final class Cluster implements AutoCloseable {
    private static final String PASSWORD = "test only";
    private static final int SHARED_MEMORY_LINE = 6;

    /** What initdb makes: once for a JVM, every server has a copy of it. Guarded by the class. */
    private static Cluster pristine;

    private final Path home;
    private final Undertaker undertaker;

    private Cluster(Path home) throws IOException {
        this.home = home;
        this.undertaker = new Undertaker(home, pidFile());
    }

    /** Makes the folder, with what initdb makes in it. */
    static Cluster create(ServerSettings settings) {
        try {
            var cluster = new Cluster(DataFolders.create(settings.isOnDisk()));
            try {
                cluster.initialize(settings);
                return cluster;
            } catch (IOException | RuntimeException failed) {
                cluster.close();
                throw failed;
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Makes a folder with the same data. The server must not run. */
    Cluster copy() {
        try {
            var copy = new Cluster(Files.createTempDirectory(home.getParent(), "numpool-postgres-"));
            try {
                copyTree(data(), copy.data());
                Unprivileged.own(copy.home);
                return copy;
            } catch (IOException | RuntimeException failed) {
                copy.close();
                throw failed;
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Has it follow a primary from the next start on. */
    void makeStandby(int port, String name) {
        var primary = "host=127.0.0.1 port=%d user=postgres password='%s' application_name=%s"
                .formatted(port, PASSWORD, name);
        try {
            configure(Map.of("primary_conninfo", primary, "wal_retrieve_retry_interval", "200ms"));
            Files.createFile(data().resolve("standby.signal"));
            Unprivileged.own(home);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    Path home() {
        return home;
    }

    Path data() {
        return home.resolve("data");
    }

    Path pidFile() {
        return data().resolve("postmaster.pid");
    }

    Path logFile() {
        return home.resolve("server.log");
    }

    String log() {
        try {
            return Files.exists(logFile()) ? Files.readString(logFile()) : "";
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    static String password() {
        return PASSWORD;
    }

    /** Deletes everything. The server must not run. */
    @Override
    public void close() {
        undertaker.dismiss();
        try {
            removeSharedMemory();
            Binaries.deleteTree(home);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    // A server that was killed, and not started again, leaves the segment by which the next would have known: 56 bytes,
    // of some thousands that
    // a machine has.
    private void removeSharedMemory() throws IOException {
        var lines = Files.exists(pidFile()) ? Files.readAllLines(pidFile()) : List.<String>of();
        if (lines.size() > SHARED_MEMORY_LINE) {
            var id = lines.get(SHARED_MEMORY_LINE).strip().split("\\s+")[1];
            execute(List.of("ipcrm", "-m", id));
        }
    }

    private void initialize(ServerSettings settings) throws IOException {
        copyTree(pristine().data(), data());
        if (DataFolders.isMemory(home)) {
            configure(Map.of("dynamic_shared_memory_type", "mmap")); // a killed server's would stay in memory
        }
        configure(settings.parameters());
        for (var file : settings.files().entrySet()) {
            var written = Files.writeString(data().resolve(file.getKey()), file.getValue());
            Files.setPosixFilePermissions(written, PosixFilePermissions.fromString("rw-------"));
        }
        Unprivileged.own(home);
    }

    private static synchronized Cluster pristine() throws IOException {
        if (pristine == null) {
            var made = new Cluster(DataFolders.create(false));
            try {
                var password = Files.writeString(made.home.resolve("password"), PASSWORD);
                Unprivileged.own(made.home);
                made.run(made.initdb(password));
            } catch (IOException | RuntimeException failed) {
                made.close();
                throw failed;
            }
            pristine = made;
        }
        return pristine;
    }

    // Without sync: what a crash of the server can lose is not decided here, and nothing here outlives the machine.
    // MD5 over loopback: a wrong password is refused, and connecting costs no key derivation, on neither side.
    private List<String> initdb(Path password) {
        return List.of(
                Binaries.folder().resolve("initdb").toString(),
                "--pgdata=" + data(),
                "--username=postgres",
                "--pwfile=" + password,
                "--auth=md5",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                "--no-sync");
    }

    void configure(Map<String, String> parameters) throws IOException {
        var lines = new StringBuilder("\n");
        parameters.forEach((name, value) -> lines.append(name)
                .append(" = '")
                .append(value.replace("'", "''"))
                .append("'\n"));
        Files.writeString(data().resolve("postgresql.conf"), lines, StandardOpenOption.APPEND);
    }

    // With its modes: the server refuses a data folder that others may read.
    private static void copyTree(Path from, Path to) throws IOException {
        try (Stream<Path> tree = Files.walk(from)) {
            for (var path : tree.toList()) {
                Files.copy(path, to.resolve(from.relativize(path)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private void run(List<String> command) throws IOException {
        if (execute(Unprivileged.command(command)) != 0) {
            throw new IllegalStateException(command.get(0) + " failed:\n" + log());
        }
    }

    private int execute(List<String> command) throws IOException {
        try {
            return new ProcessBuilder(command)
                    .directory(home.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()))
                    .start()
                    .waitFor();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted in " + command.get(0), interrupted);
        }
    }
}
