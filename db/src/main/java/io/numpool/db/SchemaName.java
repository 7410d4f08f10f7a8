package io.numpool.db;

import java.nio.charset.StandardCharsets;

/** What PostgreSQL takes as the name of a schema. */
final class SchemaName {
    private static final int MAX_BYTES = 63;

    private SchemaName() {}

    static void check(String schema) {
        var bytes = schema.getBytes(StandardCharsets.UTF_8).length;
        if (bytes < 1 || bytes > MAX_BYTES || schema.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "schema: must be an identifier of 1 to 63 bytes, was \"" + schema + "\" (" + bytes + " bytes)");
        }
    }

    static String quoted(String identifier) {
        return '"' + identifier.replace("\"", "\"\"") + '"';
    }
}
