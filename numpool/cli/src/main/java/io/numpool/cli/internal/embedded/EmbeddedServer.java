package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Build;
import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The PostgreSQL that all `numpool` commands of one user share when no other database is named. It outlives whoever started it. */
public final class EmbeddedServer {
    private final Path folder;
    private final Cluster cluster;

    /** @param dataFolder see {@link DataFolder} */
    public EmbeddedServer(Path dataFolder) {
        this.folder = dataFolder.resolve("postgres-" + Build.postgresMajor());
        this.cluster = new Cluster(folder);
    }

    public Cluster cluster() {
        return cluster;
    }

    /** Started on first use; ten processes may ask at once. */
    public DatabaseAddress address() {
        try {
            var running = cluster.running();
            return cluster.address(running.isPresent() ? running.get() : start());
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    public Optional<Cluster.RunningServer> status() {
        try {
            return cluster.running();
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    /** Whether there was anything to stop. */
    public boolean stop() {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try {
            return FolderLock.within(folder, () -> cluster.stop(programs(), "fast"));
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private Cluster.RunningServer start() throws IOException {
        var privileges = Privileges.detect();
        Folders.create(folder.getParent(), privileges.folderPermissions());
        Folders.create(folder, privileges.folderPermissions());
        return FolderLock.within(folder, () -> cluster.start(new PostgresPrograms(Binaries.in(folder), privileges)));
    }

    private PostgresPrograms programs() throws IOException {
        return new PostgresPrograms(Binaries.in(folder), Privileges.detect());
    }

    private Failure unusable(IOException e) {
        return new Failure(ExitCode.USAGE, "the embedded PostgreSQL in " + folder + ": " + e, e);
    }
}
