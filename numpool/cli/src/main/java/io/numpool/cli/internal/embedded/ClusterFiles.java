package io.numpool.cli.internal.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;

/** What lies in a cluster's folder. */
public record ClusterFiles(Path folder) {
    private static final int PASSWORD_BYTES = 24;

    public Path data() {
        return folder.resolve("data");
    }

    public Path log() {
        return folder.resolve("server.log");
    }

    public Path password() {
        return folder.resolve("password");
    }

    /** What initdb and pg_ctl said last. */
    Path control() {
        return folder.resolve("control.log");
    }

    String readPassword() throws IOException {
        return Files.readString(password()).strip();
    }

    /** A copy for initdb, which may run as somebody else. The password itself is made once, before any data. */
    Path passwordFor(Privileges privileges) throws IOException {
        if (!Files.exists(password())) {
            var staging = privateFile("password.new", newPassword());
            Files.move(staging, password(), StandardCopyOption.ATOMIC_MOVE);
        }
        var copy = privateFile("password.initdb", readPassword());
        privileges.own(copy);
        return copy;
    }

    void prepareLog(Privileges privileges) throws IOException {
        if (!Files.exists(log())) {
            Files.createFile(log(), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        privileges.own(log());
    }

    Optional<Integer> readPort() throws IOException {
        try {
            return Optional.of(Integer.valueOf(Files.readString(port()).strip()));
        } catch (NoSuchFileException | NumberFormatException none) {
            return Optional.empty();
        }
    }

    /** The same port again next time, so that clients that outlive the server find the next one. */
    void writePort(int number) throws IOException {
        Files.writeString(port(), number + "\n");
    }

    private Path port() {
        return folder.resolve("port");
    }

    private Path privateFile(String name, String content) throws IOException {
        var file = folder.resolve(name);
        Files.deleteIfExists(file);
        var owner = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
        try (var channel =
                Files.newByteChannel(file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), owner)) {
            channel.write(java.nio.ByteBuffer.wrap((content + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8)));
        }
        return file;
    }

    private static String newPassword() {
        var bytes = new byte[PASSWORD_BYTES];
        new SecureRandom().nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
