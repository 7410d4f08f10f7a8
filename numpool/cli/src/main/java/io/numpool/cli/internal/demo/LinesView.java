package io.numpool.cli.internal.demo;

import java.io.PrintStream;
import java.util.Locale;

/** A line per event, for a pipe. */
public record LinesView(PrintStream out, long beginNanos) implements DemoView {
    public LinesView(PrintStream out) {
        this(out, System.nanoTime());
    }

    @Override
    public void event(String event) {
        out.println(stamped(event, beginNanos));
        out.flush();
    }

    static String stamped(String event, long beginNanos) {
        return String.format(Locale.ROOT, "%6.1f s  %s", (System.nanoTime() - beginNanos) / 1e9, event);
    }
}
