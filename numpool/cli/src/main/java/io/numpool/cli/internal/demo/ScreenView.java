package io.numpool.cli.internal.demo;

import io.numpool.Holder;
import io.numpool.PoolStatus;
import io.numpool.Waiter;
import io.numpool.cli.internal.output.Style;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Slots, queue and events, drawn again in place, for a terminal. */
public final class ScreenView implements DemoView {
    private static final String UP = "\u001b[%dA";
    private static final String CLEAR_BELOW = "\r\u001b[J";
    private static final int LONGEST_QUEUE = 10;

    private final PrintStream out;
    private final Style style;
    private final long beginNanos = System.nanoTime();
    private final List<String> events = new ArrayList<>();
    private List<String> state = List.of();
    private int drawn;

    public ScreenView(PrintStream out, Style style) {
        this.out = out;
        this.style = style;
    }

    @Override
    public boolean wantsState() {
        return true;
    }

    @Override
    public void event(String event) {
        events.add(LinesView.stamped(event, beginNanos));
        draw();
    }

    @Override
    public void state(PoolStatus pool, int grants) {
        List<String> lines = new ArrayList<>(List.of(""));
        for (int slot = 0; slot < pool.capacity(); slot++) {
            lines.add("  slot " + slot + "  " + holder(pool, slot));
        }
        lines.add("  queue   "
                + pool.queue().stream().limit(LONGEST_QUEUE).map(Waiter::label).collect(Collectors.joining(", "))
                + (pool.waiting() > LONGEST_QUEUE ? ", …" : ""));
        lines.add("  grants  " + grants);
        state = lines;
        draw();
    }

    @Override
    public void close() {
        state = List.of();
        draw();
    }

    private String holder(PoolStatus pool, int slot) {
        return pool.holders().stream()
                .filter(holder -> holder.index() == slot)
                .map(this::described)
                .findFirst()
                .orElse(style.faint("free"));
    }

    private String described(Holder holder) {
        return style.green("■ ")
                + holder.label()
                + style.faint("  process " + holder.who().pid() + ", token " + holder.token());
    }

    private void draw() {
        var text = new StringBuilder();
        if (drawn > 0) {
            text.append(String.format(UP, drawn));
        }
        text.append(CLEAR_BELOW);
        events.forEach(event -> text.append(event).append('\n'));
        state.forEach(line -> text.append(line).append('\n'));
        drawn = events.size() + state.size();
        out.print(text);
        out.flush();
    }
}
