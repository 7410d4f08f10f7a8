package io.numpool.cli;

import io.numpool.cli.internal.Await;
import io.numpool.cli.internal.JavaProcess;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
        return start(line(arguments), Redirect.from(new File("/dev/null")), arguments);
    }

    /** Its output is read by another program, which says what becomes of it. */
    Running startInPipe(String reader, String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of("sh", "-c", "\"$@\" | " + reader, "sh"));
        line.addAll(line(arguments));
        return start(line, Redirect.from(new File("/dev/null")), arguments);
    }

    /** On a terminal of its own, which script(1) makes; what is typed comes from us. */
    Running startOnTerminal(String... arguments) throws IOException {
        var line = List.of("script", "-qefc", "exec " + String.join(" ", line(arguments)), "/dev/null");
        return start(line, Redirect.PIPE, arguments);
    }

    private static List<String> line(String... arguments) {
        var line = JavaProcess.java(
                "-XX:SharedArchiveFile=" + System.getProperty("numpool.jsa"),
                "-jar",
                System.getProperty("numpool.jar"));
        line.addAll(List.of(arguments));
        return line;
    }

    private Running start(List<String> line, Redirect input, String... arguments) throws IOException {
        var out = Files.createTempFile(folder, "out", "");
        var err = Files.createTempFile(folder, "err", "");
        var builder = new ProcessBuilder(line)
                .redirectInput(input)
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

        /** On the terminal that it has. */
        void type(String keys) throws IOException {
            process.getOutputStream().write(keys.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
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
