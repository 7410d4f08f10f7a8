package io.numpool.cli.internal;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another JVM. */
public final class JavaProcess {
    private JavaProcess() {}

    /** With this one's class path. */
    public static ProcessBuilder of(Class<?> main, String... arguments) {
        var line = java("-cp", System.getProperty("java.class.path"), main.getName());
        line.addAll(List.of(arguments));
        return new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT);
    }

    /** The command line for one that lives for seconds. */
    public static List<String> java(String... arguments) {
        List<String> line = new ArrayList<>(SignalDefaults.prefix());
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        line.addAll(List.of(arguments));
        return line;
    }
}
