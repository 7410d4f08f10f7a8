package io.numpool.cli.internal.run;

import java.util.List;
import java.util.stream.Stream;

/** Starts a program as the leader of a session, and so of a process group, of its own; its process id stays that of the child we started. */
public final class OwnSession {
    private static final List<String> PREFIX = Stream.of(
                    List.of("setsid"),
                    List.of("perl", "-e", "use POSIX; POSIX::setsid(); exec { $ARGV[0] } @ARGV or exit 127", "--"))
            .filter(prefix ->
                    new CommandLookup(System.getenv()).find(prefix.get(0)).isRunnable())
            .findFirst()
            .orElse(List.of());

    private OwnSession() {}

    /** Empty where the system has no way to do it; then only the process itself is reached by a signal. */
    public static List<String> prefix() {
        return PREFIX;
    }
}
