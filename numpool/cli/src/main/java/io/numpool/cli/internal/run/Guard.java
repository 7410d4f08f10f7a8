package io.numpool.cli.internal.run;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * A small process that sees this one die and then ends the command: the pipe to it is a dead-man's switch, whose writing end only
 * this JVM holds. It stands in a session of its own, so that what strikes our group does not strike it.
 */
final class Guard implements AutoCloseable {
    private static final String SCRIPT = load();

    private final String mark = UUID.randomUUID().toString();
    private final Process process;
    private final OutputStream orders;

    private Guard() throws IOException {
        List<String> line = new ArrayList<>(OwnSession.prefix());
        line.addAll(List.of("/bin/sh", "-c", SCRIPT, "numpool-guard", mark));
        process = new ProcessBuilder(line)
                .redirectOutput(Redirect.DISCARD)
                .redirectError(Redirect.DISCARD)
                .start();
        orders = process.getOutputStream();
    }

    static Guard start() throws IOException {
        return new Guard();
    }

    /** Must stand in the environment of what is guarded, from its first moment. */
    String mark() {
        return mark;
    }

    void watch(long group) {
        order("group " + group);
    }

    void signal(String name) {
        order("signal " + name);
    }

    /** Kills whatever carries the mark. */
    void kill() {
        order("kill");
    }

    /** The command has ended by itself: nothing is left to guard. */
    @Override
    public void close() {
        order("done");
        try {
            orders.close();
        } catch (IOException gone) {
            process.destroyForcibly();
        }
    }

    private synchronized void order(String line) {
        try {
            orders.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
            orders.flush();
        } catch (IOException killed) {
            process.destroyForcibly();
        }
    }

    private static String load() {
        try (var in = Guard.class.getResourceAsStream("guard.sh")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
