package io.numpool.cli.internal.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** PostgreSQL's {@code postmaster.pid}: process, port and state, one per line (miscadmin.h, LOCK_FILE_LINE_*). */
record PidFile(long pid, int port, State state) {
    enum State {
        READY,
        UNDER_WAY
    }

    static Path of(Path data) {
        return data.resolve("postmaster.pid");
    }

    /** Empty when there is none, or one that was never written to its end. */
    static Optional<PidFile> read(Path data) throws IOException {
        try {
            var lines = Files.readAllLines(of(data), StandardCharsets.UTF_8);
            var ready = lines.size() >= 8 && lines.get(7).strip().equals("ready");
            return lines.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new PidFile(
                            Long.parseLong(lines.get(0).strip()),
                            lines.size() < 4 ? 0 : port(lines.get(3)),
                            ready ? State.READY : State.UNDER_WAY));
        } catch (NoSuchFileException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static int port(String line) {
        return line.isBlank() ? 0 : Integer.parseInt(line.strip());
    }
}
