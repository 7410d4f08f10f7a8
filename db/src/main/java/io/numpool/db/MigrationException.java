package io.numpool.db;

import java.sql.SQLException;
import java.util.Optional;

/** A schema could not be read or migrated. */
public final class MigrationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The failing schema. */
    private final String schema;

    /** Null when the cause did not come from the database. */
    private final String sqlState;

    MigrationException(String what, String schema, Throwable cause) {
        super(what + " schema \"" + schema + "\": " + cause.getMessage(), cause);
        this.schema = schema;
        this.sqlState = sqlStateOf(cause);
    }

    /**
     * The schema that was asked for.
     *
     * @return its name, unquoted
     */
    public String schema() {
        return schema;
    }

    /**
     * What PostgreSQL said, such as {@code 42501} for a missing right or {@code 08001} for a server out of reach.
     *
     * @return the SQLSTATE of the first cause that has one; empty when the database was not the cause
     */
    public Optional<String> sqlState() {
        return Optional.ofNullable(sqlState);
    }

    private static String sqlStateOf(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return sql.getSQLState();
            }
        }
        return null;
    }
}
