package io.numpool.cli.internal.output;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Whether a person looks at what we write. */
public enum Terminal {
    STDOUT(1),
    STDERR(2);

    private final int descriptor;

    Terminal(int descriptor) {
        this.descriptor = descriptor;
    }

    public boolean isThere() {
        var link = Path.of("/proc/self/fd/" + descriptor);
        try {
            var target = Files.readSymbolicLink(link).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException noProc) {
            return System.console() != null;
        }
    }

    /** Whether text can be drawn again in place. */
    public boolean canRedraw(Map<String, String> environment) {
        return isThere() && !"dumb".equals(environment.get("TERM"));
    }

    /** How many lines fit, as of now; many when nobody can tell. */
    public static int rows() {
        try {
            var stty = new ProcessBuilder("stty", "size")
                    .redirectInput(new File("/dev/tty"))
                    .redirectError(Redirect.DISCARD)
                    .start();
            try (var answer = stty.inputReader()) {
                var size = answer.readLine();
                return size == null ? Integer.MAX_VALUE : positive(Integer.parseInt(size.split(" ")[0]));
            }
        } catch (IOException noTerminal) {
            return Integer.MAX_VALUE;
        }
    }

    /** A terminal whose size nobody set says 0. */
    private static int positive(int rows) {
        return rows > 0 ? rows : Integer.MAX_VALUE;
    }

    /** https://no-color.org */
    public Style style(Map<String, String> environment) {
        var wanted = environment.getOrDefault("NO_COLOR", "").isEmpty() && !"dumb".equals(environment.get("TERM"));
        return wanted && isThere() ? Style.COLOURED : Style.PLAIN;
    }
}
