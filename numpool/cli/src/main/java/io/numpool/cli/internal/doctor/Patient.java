package io.numpool.cli.internal.doctor;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** A schema in a database, read through one connection in one read-only transaction: every answer is of one moment. */
record Patient(Connection connection, String schema) {
    /** Reads one row. */
    interface Row<T> {
        T of(ResultSet row) throws SQLException;
    }

    <T> List<T> rows(String sql, Row<T> read, Object... arguments) throws SQLException {
        try (var statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < arguments.length; i++) {
                statement.setObject(i + 1, arguments[i]);
            }
            try (var answer = statement.executeQuery()) {
                List<T> rows = new ArrayList<>();
                while (answer.next()) {
                    rows.add(read.of(answer));
                }
                return rows;
            }
        }
    }

    <T> T row(String sql, Row<T> read, Object... arguments) throws SQLException {
        return rows(sql, read, arguments).get(0);
    }

    String setting(String name) throws SQLException {
        return row("SELECT current_setting(?)", row -> row.getString(1), name);
    }

    boolean holds(String condition, Object... arguments) throws SQLException {
        return row("SELECT " + condition, row -> row.getBoolean(1), arguments);
    }

    String role() throws SQLException {
        return row("SELECT quote_ident(current_user)", row -> row.getString(1));
    }

    /** As SQL has it. */
    String quotedSchema() throws SQLException {
        return row("SELECT quote_ident(?)", row -> row.getString(1), schema);
    }
}
