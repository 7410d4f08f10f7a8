package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Build;
import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.run.OwnSession;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** A PostgreSQL of this process's own, durable while it lasts. However this process ends, the server ends and its files go. */
public final class TemporaryServer implements AutoCloseable {
    /** Waits for the end of its input, which is the end of this process. $1: the folder; the rest: how to stop the server. */
    private static final String CLEANER = """
            trap '' HUP INT QUIT TERM TSTP
            cat > /dev/null
            folder=$1
            shift
            round=0
            while [ -e "$folder" ] && [ $round -lt 100 ]; do
              "$@"
              rm -rf "$folder" || sleep 0.1
              round=$((round + 1))
            done
            """;

    private final Path folder;
    private final Process cleaner;
    private final DatabaseAddress address;

    private TemporaryServer(Path folder, Process cleaner, DatabaseAddress address) {
        this.folder = folder;
        this.cleaner = cleaner;
        this.address = address;
    }

    /** @param dataFolder where PostgreSQL's programs are, or are unpacked to */
    public static TemporaryServer start(Path dataFolder) throws IOException {
        return start(dataFolder, Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** @param parent of the folder for its data */
    static TemporaryServer start(Path dataFolder, Path parent) throws IOException {
        var programs = programs(dataFolder);
        var folder = Files.createTempDirectory(parent, "numpool-");
        Files.setPosixFilePermissions(
                folder, PosixFilePermissions.fromString(programs.privileges().folderPermissions()));
        var cleaner = cleaner(folder, programs);
        try {
            var cluster = new Cluster(folder);
            return new TemporaryServer(folder, cleaner, cluster.address(cluster.start(programs)));
        } catch (IOException | RuntimeException e) {
            finish(cleaner);
            throw e;
        }
    }

    public DatabaseAddress address() {
        return address;
    }

    /** For other files that last as long. */
    public Path folder() {
        return folder;
    }

    @Override
    public void close() throws IOException {
        finish(cleaner);
    }

    private static PostgresPrograms programs(Path dataFolder) throws IOException {
        var privileges = Privileges.detect();
        var parent = dataFolder.resolve("postgres-" + Build.postgresMajor());
        Folders.create(dataFolder, privileges.folderPermissions());
        Folders.create(parent, privileges.folderPermissions());
        return new PostgresPrograms(FolderLock.within(parent, () -> Binaries.in(parent)), privileges);
    }

    private static Process cleaner(Path folder, PostgresPrograms programs) throws IOException {
        List<String> command = new ArrayList<>(OwnSession.prefix());
        command.addAll(List.of("/bin/sh", "-c", CLEANER, "numpool-cleaner", folder.toString()));
        command.addAll(
                programs.command("pg_ctl", "stop", "--wait", "--mode=immediate", "--pgdata=" + folder.resolve("data")));
        return new ProcessBuilder(command)
                .directory(Path.of("/").toFile())
                .redirectOutput(Redirect.DISCARD)
                .redirectError(Redirect.DISCARD)
                .start();
    }

    private static void finish(Process cleaner) throws IOException {
        cleaner.getOutputStream().close();
        try {
            cleaner.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
