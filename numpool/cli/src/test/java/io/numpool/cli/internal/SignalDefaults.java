package io.numpool.cli.internal;

import java.io.IOException;
import java.util.List;

/**
 * What stands before a program that is to be sent signals. Whoever started the build in the background may have it ignore INT, or HUP: that is
 * inherited by all that it starts, and a JVM leaves it at that.
 */
public final class SignalDefaults {
    private static final List<String> PREFIX = isThere() ? List.of("env", "--default-signal") : List.of();

    private SignalDefaults() {}

    /** Empty where there is no such program; then the build must not stand in the background. */
    public static List<String> prefix() {
        return PREFIX;
    }

    private static boolean isThere() {
        try {
            var process = new ProcessBuilder("env", "--default-signal", "true")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor() == 0;
        } catch (IOException notThere) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
