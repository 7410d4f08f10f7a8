package io.numpool.internal.store;

import java.sql.SQLException;

/** What went wrong in a call to the database, as far as a client has to act on it. */
public final class StoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What it means for the call. */
    public enum Kind {
        /** The session is dead. Nothing was done. */
        DEAD,
        /** The epoch is old. Nothing was done. */
        OLD_EPOCH,
        /** There is no such pool. Nothing was done. */
        NO_POOL,
        /** The pool is deleted, and its slots are not all back. Nothing was done. */
        DELETED,
        /** Not in autocommit at READ COMMITTED. Nothing was done. */
        ISOLATION,
        /** A later attach came before. Nothing was done. */
        LATE_ATTACH,
        /** A higher token was seen. Nothing was done. */
        OUTDATED,
        /** There is no such session. Nothing was done. */
        NO_SESSION,
        /** An argument is out of range. Nothing was done. */
        INVALID,
        /** A lock or a resource was not to be had in time, or the statement was cancelled. Nothing was done; try again. */
        BUSY,
        /** The server refuses for want of a right, a valid password, or such a database. Nothing was done. */
        DENIED,
        /** The schema, or something in it, is not there. Nothing was done. */
        NO_SCHEMA,
        /** No connection was to be had. Nothing was sent. */
        UNREACHABLE,
        /** The connection broke on the way: done or not, nobody knows. */
        UNKNOWN,
        /** The server refuses the call. Nothing was done; it would not help to try again. */
        REFUSED;

        /** Whether the same call may succeed a little later, if it is safe to make it twice. */
        public boolean mayPass() {
            return this == UNKNOWN || this == UNREACHABLE || this == BUSY;
        }
    }

    private final Kind kind;

    public StoreException(Kind kind, Throwable cause) {
        super(kind + ": " + cause.getMessage(), cause);
        this.kind = kind;
    }

    /** An error that a call in flight met. */
    public static StoreException of(SQLException cause) {
        return new StoreException(kindOf(cause.getSQLState()), cause);
    }

    public Kind kind() {
        return kind;
    }

    private static Kind kindOf(String state) {
        if (state == null) return Kind.UNKNOWN;
        return switch (state) {
            case "NP001" -> Kind.DEAD;
            case "NP002" -> Kind.OLD_EPOCH;
            case "NP003" -> Kind.NO_POOL;
            case "NP004" -> Kind.DELETED;
            case "NP005" -> Kind.ISOLATION;
            case "NP006" -> Kind.LATE_ATTACH;
            case "NP008" -> Kind.OUTDATED;
            case "NP009" -> Kind.NO_SESSION;
            case "22023" -> Kind.INVALID;
            case "55P03", "57014", "40P01", "40001", "25006" -> Kind.BUSY;
            case "42501", "3D000" -> Kind.DENIED;
            case "3F000", "42P01", "42883", "42704" -> Kind.NO_SCHEMA;
            case "57P01", "57P02", "57P03", "57P05", "40003" -> Kind.UNKNOWN;
            default -> byClass(state.substring(0, 2));
        };
    }

    private static Kind byClass(String stateClass) {
        return switch (stateClass) {
            case "08", "58", "XX" -> Kind.UNKNOWN;
            case "28" -> Kind.DENIED;
            case "53" -> Kind.BUSY;
            default -> Kind.REFUSED;
        };
    }
}
