package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Build;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** PostgreSQL's programs for tests that are not about how they are unpacked, which takes seconds: it is done once per user and version. */
public final class UnpackedPrograms {
    private UnpackedPrograms() {}

    /** @param dataFolder where commands and servers look for them */
    public static void linkInto(Path dataFolder) throws IOException {
        var permissions = Privileges.detect().folderPermissions();
        var name = "programs-" + Build.postgresVersion();
        var cache =
                Path.of(System.getProperty("java.io.tmpdir"), "numpool-cli-test-" + System.getProperty("user.name"));
        Folders.create(cache, permissions);
        FolderLock.within(cache, () -> Binaries.in(cache));
        var parent = dataFolder.resolve("postgres-" + Build.postgresMajor());
        Folders.create(dataFolder, permissions);
        Folders.create(parent, permissions);
        Files.createSymbolicLink(parent.resolve(name), cache.resolve(name));
    }
}
