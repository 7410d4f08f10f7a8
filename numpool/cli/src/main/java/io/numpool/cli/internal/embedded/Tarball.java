package io.numpool.cli.internal.embedded;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;

/** A tar stream of plain files, folders and symbolic links with names of at most 100 characters: what PostgreSQL's programs come in. */
final class Tarball {
    private static final int BLOCK = 512;

    private final InputStream in;

    Tarball(InputStream in) {
        this.in = in;
    }

    void unpack(Path target) throws IOException {
        for (var header = header(); header != null; header = header()) {
            entry(target, header);
        }
    }

    private void entry(Path target, byte[] header) throws IOException {
        var path = inside(target, text(header, 0, 100));
        var size = octal(header, 124, 12);
        switch (header[156]) {
            case '5' -> Files.createDirectories(path);
            case '2' -> {
                Files.createDirectories(path.getParent());
                Files.createSymbolicLink(path, Path.of(text(header, 157, 100)));
            }
            case '0', 0 -> file(path, size, (octal(header, 100, 8) & 0100) != 0);
            default -> throw new IOException("unexpected kind of entry '" + (char) header[156] + "' in the tar stream");
        }
    }

    private void file(Path path, long size, boolean executable) throws IOException {
        Files.createDirectories(path.getParent());
        try (var out = Files.newOutputStream(path, StandardOpenOption.CREATE_NEW)) {
            for (long left = size; left > 0; ) {
                var chunk = in.readNBytes((int) Math.min(left, 1 << 16));
                if (chunk.length == 0) {
                    throw new EOFException("the tar stream ends within " + path.getFileName());
                }
                out.write(chunk);
                left -= chunk.length;
            }
        }
        in.skipNBytes((BLOCK - size % BLOCK) % BLOCK);
        Files.setPosixFilePermissions(path, permissions(executable));
    }

    private static Set<PosixFilePermission> permissions(boolean executable) {
        var permissions = EnumSet.of(
                PosixFilePermission.OWNER_READ,
                PosixFilePermission.OWNER_WRITE,
                PosixFilePermission.GROUP_READ,
                PosixFilePermission.OTHERS_READ);
        if (executable) {
            permissions.addAll(EnumSet.of(
                    PosixFilePermission.OWNER_EXECUTE,
                    PosixFilePermission.GROUP_EXECUTE,
                    PosixFilePermission.OTHERS_EXECUTE));
        }
        return permissions;
    }

    /** Null at the end, which is a block of zeros. */
    private byte[] header() throws IOException {
        var header = in.readNBytes(BLOCK);
        if (header.length < BLOCK) {
            throw new EOFException("the tar stream has no end mark");
        }
        return header[0] == 0 ? null : header;
    }

    private static Path inside(Path target, String name) throws IOException {
        var path = target.resolve(name).normalize();
        if (!path.startsWith(target)) {
            throw new IOException("the tar stream leaves its folder: " + name);
        }
        return path;
    }

    private static long octal(byte[] header, int from, int length) {
        return Long.parseLong(text(header, from, length).strip(), 8);
    }

    private static String text(byte[] header, int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return new String(header, from, end - from, StandardCharsets.UTF_8);
    }
}
