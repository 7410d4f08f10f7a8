package io.numpool.cli;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.JavaProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The runnable jar, as a user runs it: each command is a process, its output is in files. */
final class NumpoolJar {
    private static final List<String> NOT_INHERITED = List.of("PG", "NUMPOOL", "JAVA_TOOL", "JDK_JAVA", "XDG_");

    private final Path folder;
    private final Map<String, String> environment;

    /**
     * @param folder for the output
     * @param environment in addition to the test's own, in which nothing names a database
     */
    NumpoolJar(Path folder, Map<String, String> environment) {
        this.folder = folder;
        this.environment = environment;
    }

    /** Runs a command to its end. */
    Outcome run(String... arguments) throws Exception {
        return start(arguments).outcome();
    }

    Running start(String... arguments) throws IOException {
        var line = JavaProcess.java("-jar", System.getProperty("numpool.jar"));
        line.addAll(List.of(arguments));
        var out = Files.createTempFile(folder, "out", "");
        var err = Files.createTempFile(folder, "err", "");
        var builder = new ProcessBuilder(line)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().keySet().removeIf(name -> NOT_INHERITED.stream().anyMatch(name::startsWith));
        builder.environment().putAll(environment);
        return new Running(List.of(arguments), builder.start(), out, err);
    }

    /** A command at work. */
    record Running(List<String> arguments, Process process, Path out, Path err) {
        void signal(String name) throws Exception {
            var kill = new ProcessBuilder("kill", "-s", name, Long.toString(process.pid())).start();
            if (kill.waitFor() != 0) {
                throw new AssertionError("no process to signal: " + arguments);
            }
        }

        /** Waits for its end. */
        Outcome outcome() throws Exception {
            try {
                Await.until("the end of numpool " + String.join(" ", arguments), () -> !process.isAlive());
            } finally {
                process.destroyForcibly();
            }
            return new Outcome(process.waitFor(), Files.readString(out), Files.readString(err));
        }
    }
}
