package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Failure;
import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** initdb and pg_ctl, with the rights that they need. */
record PostgresPrograms(Binaries binaries, Privileges privileges) {
    /** Its output goes to a file: the server inherits it, and a pipe would die with this process. */
    Outcome run(Path output, String program, String... arguments) throws IOException {
        var builder = new ProcessBuilder(command(program, arguments))
                .directory(output.getParent().toFile())
                .redirectInput(Redirect.from(new File("/dev/null")))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
        try {
            return new Outcome(builder.start().waitFor());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(program + " was interrupted");
        }
    }

    List<String> command(String program, String... arguments) {
        List<String> command = new ArrayList<>(privileges.prefix());
        command.add(binaries.program(program).toString());
        Collections.addAll(command, arguments);
        return command;
    }

    record Outcome(int exitCode) {
        boolean succeeded() {
            return exitCode == 0;
        }

        void orFail(String complaint, Path log) throws IOException {
            if (!succeeded()) {
                throw Failure.usage(complaint + ": " + lastWords(log) + " (" + log + ")");
            }
        }

        private static String lastWords(Path log) throws IOException {
            var lines = Files.exists(log) ? Files.readAllLines(log) : List.<String>of();
            return lines.stream()
                    .filter(line -> line.contains("FATAL") || line.contains("error:") || line.contains("could not"))
                    .reduce((earlier, later) -> later)
                    .orElse(lines.isEmpty() ? "no word of why" : lines.get(lines.size() - 1))
                    .strip();
        }
    }
}
