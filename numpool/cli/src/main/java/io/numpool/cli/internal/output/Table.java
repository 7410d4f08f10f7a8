package io.numpool.cli.internal.output;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Aligned columns: numbers to the right, words to the left, nothing behind the last. */
public final class Table {
    private static final String GAP = "  ";

    private final List<String> head;
    private final List<List<Object>> rows = new ArrayList<>();

    public Table(String... head) {
        this.head = List.of(head);
    }

    /** A null cell is a dash. */
    public Table row(Object... cells) {
        var row = new ArrayList<Object>();
        for (var cell : cells) {
            row.add(cell instanceof String text ? Visible.text(text) : Objects.requireNonNullElse(cell, "-"));
        }
        rows.add(row);
        return this;
    }

    public String text(Style style) {
        var text = new StringBuilder(style.faint(line(head))).append('\n');
        rows.forEach(row -> text.append(line(row)).append('\n'));
        return text.toString();
    }

    private String line(List<?> cells) {
        var line = new StringBuilder();
        for (int column = 0; column < cells.size(); column++) {
            var format = isNumeric(column) ? "%" + width(column) + "s" : "%-" + width(column) + "s";
            line.append(column == 0 ? "" : GAP).append(String.format(format, cells.get(column)));
        }
        return line.toString().stripTrailing();
    }

    private boolean isNumeric(int column) {
        return rows.stream().allMatch(row -> row.get(column) instanceof Number);
    }

    private int width(int column) {
        return rows.stream()
                .mapToInt(row -> row.get(column).toString().length())
                .reduce(head.get(column).length(), Math::max);
    }
}
