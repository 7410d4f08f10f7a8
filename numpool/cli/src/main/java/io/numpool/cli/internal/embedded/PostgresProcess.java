package io.numpool.cli.internal.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Which live processes are PostgreSQL's, on one data folder. Every one of them works with that folder as its current directory. */
final class PostgresProcess {
    private static final Path PROC = Path.of("/proc");

    private PostgresProcess() {}

    /** A process number that outlived its server (a crash, a reboot) may belong to anything by now. */
    static boolean serves(long pid, Path data) {
        var alive = ProcessHandle.of(pid).filter(ProcessHandle::isAlive);
        if (alive.isEmpty() || !Files.isDirectory(PROC)) {
            return alive.isPresent();
        }
        try {
            return Files.isSameFile(cwd(Long.toString(pid)), data);
        } catch (IOException forbidden) {
            return isPostgres(pid);
        }
    }

    /** Also those that outlived a killed postmaster: while one is there, nothing else may open the data. */
    static List<Long> all(Path data) throws IOException {
        if (!Files.isDirectory(PROC)) {
            return List.of();
        }
        try (Stream<Path> processes = Files.list(PROC)) {
            return processes
                    .map(p -> p.getFileName().toString())
                    .filter(name -> name.chars().allMatch(Character::isDigit))
                    .filter(name -> worksIn(name, data))
                    .map(Long::valueOf)
                    .toList();
        }
    }

    private static boolean worksIn(String pid, Path data) {
        try {
            return Files.isSameFile(cwd(pid), data);
        } catch (IOException goneOrForeign) {
            return false;
        }
    }

    /** proc(5): number, name in brackets, state. A dead process whom nobody has buried yet (Z) still has its name. */
    private static boolean isPostgres(long pid) {
        try {
            var stat = Files.readString(PROC.resolve(Long.toString(pid)).resolve("stat"));
            return stat.contains("(postgres) ") && !stat.contains(") Z ");
        } catch (IOException gone) {
            return false;
        }
    }

    private static Path cwd(String pid) {
        return PROC.resolve(pid).resolve("cwd");
    }
}
