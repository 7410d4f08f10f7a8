package io.numpool.db;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;

/** The table in which the scripts of a line note that they ran. */
final class VersionTable {
    private final Line line;
    private final String schema;

    VersionTable(Line line, String schema) {
        this.line = line;
        this.schema = schema;
    }

    Optional<Integer> read(Connection connection) throws SQLException {
        return exists(connection) ? Optional.of(newest(connection)) : Optional.empty();
    }

    // The catalog can be read by everyone; to_regclass would ask for USAGE on the schema.
    private boolean exists(Connection connection) throws SQLException {
        var sql =
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                        + " WHERE n.nspname = ? AND c.relname = ?)";
        try (var statement = connection.prepareStatement(sql)) {
            statement.setString(1, schema);
            statement.setString(2, line.versionTable());
            try (var row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    private int newest(Connection connection) throws SQLException {
        var table = SchemaName.quoted(schema) + "." + SchemaName.quoted(line.versionTable());
        try (var statement = connection.createStatement();
                var row = statement.executeQuery("SELECT coalesce(max(version), 0) FROM " + table)) {
            row.next();
            return row.getInt(1);
        }
    }
}
