package io.numpool.testkit.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A shell that outlives the JVM, even one that was killed: when the pipe from it breaks, the server ends and its folder is deleted.
 *
 * <p>A shutdown hook does the same on an orderly exit; it says so here, and the shell does nothing.
 */
final class Undertaker {
    private static final String DISMISSED = "dismissed";
    private static final String SCRIPT = """
            trap '' INT TERM HUP
            read word
            [ "$word" = %s ] && exit 0
            server=$(head -n 1 "$2" 2>/dev/null)
            if [ -n "$server" ]; then
              kill -s CONT "$server" $(cat "/proc/$server/task/$server/children" 2>/dev/null)
              kill -s QUIT "$server"
              tries=100
              while kill -0 "$server" && [ $tries -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
              kill -s KILL "$server"
            fi
            segment=$(sed -n 7p "$2" 2>/dev/null | awk '{print $2}')
            [ -n "$segment" ] && ipcrm -m "$segment"
            rm -rf "$1"
            """.formatted(DISMISSED);

    private final Process shell;

    Undertaker(Path home, Path pidFile) throws IOException {
        shell = new ProcessBuilder("sh", "-c", SCRIPT, "undertaker", home.toString(), pidFile.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Nothing is left to be done. */
    void dismiss() {
        try (var pipe = shell.getOutputStream()) {
            pipe.write((DISMISSED + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
