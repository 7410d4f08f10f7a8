package io.numpool.testkit;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * Compares what a library shows to its users with a committed file, so that each change of API is seen in review. What it shows is all that is
 * public or protected in the classes outside packages named {@code internal}, as javap prints it.
 *
 * <p>{@code -Dnumpool.api.update=true} writes the file anew instead.
 */
public final class ApiDump {
    /** Writes the committed file anew when {@code true}. */
    public static final String UPDATE = "numpool.api.update";

    private ApiDump() {}

    /**
     * Compares, or writes anew.
     *
     * @param classes folder of the compiled library, {@code target/classes}
     * @param committed the file, {@code api/NAME.api}
     * @throws AssertionError when they differ; it tells the lines, and how to accept them
     */
    public static void check(Path classes, Path committed) {
        var current = dump(classes);
        try {
            if (Boolean.getBoolean(UPDATE)) {
                Files.createDirectories(committed.toAbsolutePath().getParent());
                Files.writeString(committed, current);
                return;
            }
            compare(Files.exists(committed) ? Files.readString(committed) : "", current, committed);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * The signatures of a library.
     *
     * @param classes folder of the compiled library
     * @return text, the same on every JDK and machine
     */
    public static String dump(Path classes) {
        try (Stream<Path> tree = Files.walk(classes)) {
            var shown = tree.filter(file -> file.toString().endsWith(".class"))
                    .filter(file -> isPublic(classes.relativize(file)))
                    .sorted()
                    .map(Path::toString)
                    .toList();
            return shown.isEmpty() ? "" : tidy(javap(shown));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static boolean isPublic(Path file) {
        for (var part : file) {
            if (part.toString().equals("internal")) {
                return false;
            }
        }
        var name = file.getFileName().toString();
        return !name.equals("module-info.class") && !name.equals("package-info.class") && !name.matches(".*\\$\\d+.*");
    }

    private static String javap(List<String> files) {
        var javap = ToolProvider.findFirst("javap")
                .orElseThrow(() -> new IllegalStateException("This is no JDK: it lacks javap"));
        var out = new StringWriter();
        var error = new StringWriter();
        var arguments = new ArrayList<>(List.of("-protected"));
        arguments.addAll(files);
        if (javap.run(new PrintWriter(out), new PrintWriter(error), arguments.toArray(String[]::new)) != 0) {
            throw new IllegalStateException("javap failed: " + error);
        }
        return out.toString();
    }

    // Without classes that are not public themselves, and without what compilers make up.
    private static String tidy(String javap) {
        var result = new StringBuilder();
        for (var type : javap.split("(?m)^}\\R?")) {
            var lines = type.lines()
                    .filter(line -> !line.startsWith("Compiled from") && !isMadeUp(line))
                    .toList();
            if (!lines.isEmpty() && lines.get(0).matches("(public|protected) .*")) {
                result.append(lines.get(0)).append('\n');
                lines.stream().skip(1).sorted().forEach(line -> result.append(line)
                        .append('\n'));
                result.append("}\n\n");
            }
        }
        return result.toString();
    }

    private static boolean isMadeUp(String line) {
        return line.contains("$default(")
                || line.contains("access$")
                || line.contains("DefaultConstructorMarker")
                || line.strip().equals("static {};");
    }

    static void compare(String before, String now, Path committed) {
        if (before.replace("\r\n", "\n").equals(now)) {
            return;
        }
        var message = new StringBuilder(
                "The public API differs from " + committed + ". To accept it: -D" + UPDATE + "=true\n");
        var old = before.lines().toList();
        var current = now.lines().toList();
        old.stream()
                .filter(line -> !current.contains(line))
                .forEach(line -> message.append("- ").append(line).append('\n'));
        current.stream()
                .filter(line -> !old.contains(line))
                .forEach(line -> message.append("+ ").append(line).append('\n'));
        throw new AssertionError(message.toString());
    }
}
