package io.numpool.db;

import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** An answer in psql's aligned format. */
final class PsqlTable {
    private static final Set<Integer> RIGHT =
            Set.of(Types.SMALLINT, Types.INTEGER, Types.BIGINT, Types.NUMERIC, Types.REAL, Types.DOUBLE);

    private PsqlTable() {}

    static String of(ResultSet answer) throws SQLException {
        var meta = answer.getMetaData();
        var rows = rows(answer, meta.getColumnCount());
        List<List<String>> columns = new ArrayList<>();
        for (var i = 0; i < meta.getColumnCount(); i++) {
            columns.add(column(meta, i, rows));
        }
        var lines = IntStream.range(0, rows.size() + 2)
                .mapToObj(line -> columns.stream()
                        .map(cells -> cells.get(line))
                        .collect(Collectors.joining(line == 1 ? "+" : "|")))
                .map(String::stripTrailing)
                .collect(Collectors.joining("\n"));
        return lines + "\n(" + rows.size() + (rows.size() == 1 ? " row)" : " rows)");
    }

    private static List<List<String>> rows(ResultSet answer, int width) throws SQLException {
        List<List<String>> rows = new ArrayList<>();
        while (answer.next()) {
            List<String> row = new ArrayList<>();
            for (var i = 1; i <= width; i++) {
                row.add(Objects.requireNonNullElse(answer.getString(i), ""));
            }
            rows.add(row);
        }
        return rows;
    }

    /** Heading, rule, and a cell for each row, all of one width. */
    private static List<String> column(ResultSetMetaData meta, int index, List<List<String>> rows) throws SQLException {
        var name = meta.getColumnLabel(index + 1);
        var right = RIGHT.contains(meta.getColumnType(index + 1));
        var width = rows.stream().mapToInt(row -> row.get(index).length()).reduce(name.length(), Math::max);
        List<String> cells = new ArrayList<>(List.of(centered(name, width), "-".repeat(width + 2)));
        for (var row : rows) {
            var blanks = " ".repeat(width - row.get(index).length());
            cells.add(" " + (right ? blanks + row.get(index) : row.get(index) + blanks) + " ");
        }
        return cells;
    }

    private static String centered(String name, int width) {
        var left = (width - name.length()) / 2;
        return " ".repeat(left + 1) + name + " ".repeat(width - name.length() - left + 1);
    }
}
