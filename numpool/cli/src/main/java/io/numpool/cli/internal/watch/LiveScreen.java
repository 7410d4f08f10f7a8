package io.numpool.cli.internal.watch;

import io.numpool.PoolStatus;
import io.numpool.cli.internal.output.PoolReport;
import io.numpool.cli.internal.output.Style;
import java.io.PrintStream;
import java.time.Duration;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/** The whole terminal, drawn again at each look. What was there before comes back at the end, and the last look below it. */
public final class LiveScreen implements WatchView {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss");

    /** The other screen, without a cursor; long lines are cut, not wrapped. */
    private static final String ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";

    private static final String LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
    private static final String HOME = "\u001b[H";
    private static final String CLEAR_LINE = "\u001b[K";
    private static final String CLEAR_BELOW = "\u001b[J";

    private final PrintStream out;
    private final Style style;
    private final IntSupplier rows;
    private String last = "";

    /** @param rows of the terminal, asked at each look */
    public LiveScreen(PrintStream out, Style style, IntSupplier rows) {
        this.out = out;
        this.style = style;
        this.rows = rows;
        out.print(ENTER);
    }

    @Override
    public boolean look(PoolStatus pool) {
        last = PoolReport.of(pool, null).text(style);
        draw(style.faint(now() + ", Ctrl-C ends"));
        return !out.checkError();
    }

    @Override
    public void silence(Duration time) {
        draw(style.yellow(now() + ", no answer from the database for " + time.toSeconds() + " s; Ctrl-C ends"));
    }

    @Override
    public void close() {
        out.print(LEAVE + last);
        out.flush();
    }

    private void draw(String status) {
        var screen = new StringBuilder(HOME);
        fitting(last.lines().toList(), Math.max(1, rows.getAsInt() - 2))
                .forEach(line -> screen.append(line).append(CLEAR_LINE).append('\n'));
        // no line end after the last: it would scroll
        screen.append(CLEAR_LINE).append('\n').append(status).append(CLEAR_LINE).append(CLEAR_BELOW);
        out.print(screen);
        out.flush();
    }

    private static List<String> fitting(List<String> lines, int room) {
        if (lines.size() <= room) {
            return lines;
        }
        var fitting = new ArrayList<>(lines.subList(0, room - 1));
        fitting.add("… and " + (lines.size() - room + 1) + " lines more");
        return fitting;
    }

    private static String now() {
        return TIME.format(LocalTime.now());
    }
}
