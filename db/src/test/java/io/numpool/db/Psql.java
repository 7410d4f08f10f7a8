package io.numpool.db;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** As much of psql as a document needs: SQL with variables, {@code \gset}, {@code \set}, notifications, errors as SQLSTATEs. */
final class Psql {
    /** {@code :name}, {@code :'name'}, {@code :"name"}; not a cast, nor the bounds of a slice. */
    private static final Pattern VARIABLE = Pattern.compile("(?<![:\\w]):(['\"]?)([a-zA-Z_]\\w*)\\1");

    private static final Pattern SET = Pattern.compile("\\\\set (\\w+) (\\S+)");
    private static final String GSET = "\\gset";

    private final Connection connection;
    private final Map<String, String> variables = new HashMap<>();

    Psql(Connection connection) {
        this.connection = connection;
    }

    /** What psql prints, lines without blanks at their end. */
    String run(String command) throws SQLException {
        var set = SET.matcher(command);
        if (set.matches()) {
            variables.put(set.group(1), set.group(2));
            return "";
        }
        if (command.endsWith(GSET)) {
            return query(command.substring(0, command.length() - GSET.length()), true);
        }
        if (!command.endsWith(";")) {
            throw new IllegalArgumentException("ends neither with ; nor with \\gset: " + command);
        }
        return query(command, false);
    }

    private String query(String command, boolean gset) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.setEscapeProcessing(false);
            var printed = execute(statement, substituted(command), gset);
            return (printed + notifications()).stripTrailing();
        }
    }

    private String execute(Statement statement, String sql, boolean gset) throws SQLException {
        try {
            if (!statement.execute(sql)) {
                return sql.substring(0, sql.indexOf(' ')).toUpperCase(Locale.ROOT) + "\n";
            }
        } catch (SQLException refused) {
            if ("sqlstate".equals(variables.get("VERBOSITY"))) {
                return "ERROR:  " + refused.getSQLState() + "\n";
            }
            throw refused;
        }
        try (var rows = statement.getResultSet()) {
            return gset ? keep(rows) : PsqlTable.of(rows) + "\n";
        }
    }

    private String keep(ResultSet rows) throws SQLException {
        if (!rows.next()) {
            throw new IllegalStateException("no row for \\gset");
        }
        var columns = rows.getMetaData();
        for (var i = 1; i <= columns.getColumnCount(); i++) {
            variables.put(columns.getColumnLabel(i), rows.getString(i));
        }
        if (rows.next()) {
            throw new IllegalStateException("more than one row for \\gset");
        }
        return "";
    }

    private String substituted(String command) {
        return VARIABLE.matcher(command).replaceAll(use -> Matcher.quoteReplacement(value(use.group(1), use.group(2))));
    }

    private String value(String quote, String name) {
        var value = variables.get(name);
        if (value == null) {
            throw new IllegalStateException("no variable " + name);
        }
        return switch (quote) {
            case "'" -> "'" + value.replace("'", "''") + "'";
            case "\"" -> SchemaName.quoted(value);
            default -> value;
        };
    }

    private String notifications() throws SQLException {
        var printed = new StringBuilder();
        for (PGNotification it : connection.unwrap(PGConnection.class).getNotifications()) {
            printed.append(
                    "\nAsynchronous notification \"%s\" with payload \"%s\" received from server process with PID %d."
                            .formatted(it.getName(), it.getParameter(), it.getPID()));
        }
        return printed.toString();
    }
}
