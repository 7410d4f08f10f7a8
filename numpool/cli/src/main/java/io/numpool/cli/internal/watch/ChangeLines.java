package io.numpool.cli.internal.watch;

import io.numpool.PoolStatus;
import io.numpool.cli.internal.output.PoolReport;
import io.numpool.cli.internal.output.Printer;
import io.numpool.cli.internal.output.Visible;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A line for each change, for a pipe; of many slots or waiters the first ones. */
public final class ChangeLines implements WatchView {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSS");
    private static final int LISTED = 10;

    /** Below it nobody need be told. */
    private static final Duration LONG_SILENCE = Duration.ofSeconds(5);

    private final Printer printer;
    private PoolStatus last;
    private boolean toldOfSilence;

    public ChangeLines(Printer printer) {
        this.printer = printer;
    }

    @Override
    public boolean look(PoolStatus pool) {
        toldOfSilence = false;
        if (pool.equals(last)) {
            return true;
        }
        last = pool;
        var now = Instant.now();
        var report = PoolReport.of(pool, null);
        return printer.printLine(Change.of(now, report), line(now, report));
    }

    @Override
    public void silence(Duration time) {
        if (!toldOfSilence && time.compareTo(LONG_SILENCE) >= 0) {
            toldOfSilence = true;
            System.err.println("numpool: no answer from the database for " + time.toSeconds() + " s, asking on");
        }
    }

    @Override
    public void close() {}

    private String line(Instant at, PoolReport pool) {
        var style = printer.style();
        var slots = listed(pool.holders(), h -> h.index() + " " + called(h.label(), h.host(), h.pid()));
        var queue = listed(pool.queue(), w -> called(w.label(), w.host(), w.pid()) + several(w.slots()));
        return style.faint(TIME.format(at.atZone(ZoneId.systemDefault()))) + "  " + style.bold(pool.id()) + "  "
                + pool.counts() + (slots.isEmpty() ? "" : "; slots: " + slots)
                + (queue.isEmpty() ? "" : "; queue: " + queue);
    }

    private static String called(String label, String host, long pid) {
        return Visible.text(label == null ? host + "/" + pid : label);
    }

    private static String several(int slots) {
        return slots == 1 ? "" : " (" + slots + " slots)";
    }

    private static <T> String listed(List<T> all, Function<T, String> text) {
        var listed = all.stream().limit(LISTED).map(text).collect(Collectors.joining(", "));
        return all.size() > LISTED ? listed + ", …" : listed;
    }

    /** The json contract: {@code at} is this machine's time, the rest is as `show` has it. */
    private record Change(
            String at,
            String id,
            int capacity,
            int held,
            int free,
            int waiting,
            List<PoolReport.HolderReport> holders,
            List<PoolReport.WaiterReport> queue) {
        static Change of(Instant at, PoolReport pool) {
            return new Change(
                    at.toString(),
                    pool.id(),
                    pool.capacity(),
                    pool.held(),
                    pool.free(),
                    pool.waiting(),
                    pool.holders(),
                    pool.queue());
        }
    }
}
