package io.numpool.internal.store;

import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_LABEL;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_MODE;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_OUTCOME;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_REQUEST;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_SLOT;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_SLOTS;
import static io.numpool.internal.jooq.routines.Exchange.ACQUIRE_TICKET;
import static io.numpool.internal.jooq.routines.Exchange.FOREIGN_BOUND;
import static io.numpool.internal.jooq.routines.Exchange.FOREIGN_FROM;
import static io.numpool.internal.jooq.routines.Exchange.GRANTED_SLOT;
import static io.numpool.internal.jooq.routines.Exchange.GRANTED_TICKET;
import static io.numpool.internal.jooq.routines.Exchange.HELD;
import static io.numpool.internal.jooq.routines.Exchange.INCARNATION;
import static io.numpool.internal.jooq.routines.Exchange.NOTIFY_SESSION;
import static io.numpool.internal.jooq.routines.Exchange.NOTIFY_SLOT;
import static io.numpool.internal.jooq.routines.Exchange.NOTIFY_TICKET;
import static io.numpool.internal.jooq.routines.Exchange.POOL_CAPACITY;
import static io.numpool.internal.jooq.routines.Exchange.POOL_NUMBER;
import static io.numpool.internal.jooq.routines.Exchange.QUEUED;
import static io.numpool.internal.jooq.routines.Exchange.RETRY;
import static io.numpool.internal.jooq.routines.Exchange.SESSION_EPOCH;
import static io.numpool.internal.jooq.routines.Exchange.SESSION_ID;
import static io.numpool.internal.jooq.routines.Exchange.SETTLE_KIND;
import static io.numpool.internal.jooq.routines.Exchange.SETTLE_NEXT;
import static io.numpool.internal.jooq.routines.Exchange.SETTLE_OUTCOME;
import static io.numpool.internal.jooq.routines.Exchange.SETTLE_SLOT;
import static io.numpool.internal.jooq.routines.Exchange.SETTLE_TICKET;

import java.lang.reflect.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.List;
import java.util.stream.Collectors;
import org.jooq.DSLContext;
import org.jooq.Parameter;
import org.jooq.impl.DSL;
import org.postgresql.PGConnection;

/**
 * The hot call, past jOOQ, which renders its text once, from the routine that it has generated. Arrays are bound as primitives, which pgjdbc
 * sends in binary, and never as nulls, whose types it does not know: so it prepares the statement once for each connection.
 */
final class ExchangeStatement {
    /** In the order in which {@link #bind} does. */
    private static final List<Parameter<?>> GIVEN = List.of(
            SESSION_ID,
            SESSION_EPOCH,
            POOL_NUMBER,
            RETRY,
            SETTLE_KIND,
            SETTLE_SLOT,
            SETTLE_TICKET,
            SETTLE_NEXT,
            ACQUIRE_REQUEST,
            ACQUIRE_MODE,
            ACQUIRE_LABEL,
            ACQUIRE_SLOTS,
            FOREIGN_FROM);

    /** In the order in which {@link ExchangeAnswer} reads. */
    private static final List<Parameter<?>> ANSWERED = List.of(
            SETTLE_OUTCOME,
            ACQUIRE_OUTCOME,
            ACQUIRE_TICKET,
            ACQUIRE_SLOT,
            GRANTED_TICKET,
            GRANTED_SLOT,
            NOTIFY_SESSION,
            NOTIFY_TICKET,
            NOTIFY_SLOT,
            POOL_CAPACITY,
            HELD,
            QUEUED,
            INCARNATION,
            FOREIGN_BOUND);

    /** Makes arrays of primitives as well as of objects. */
    private interface Arrays {
        java.sql.Array of(String type, Object elements) throws SQLException;
    }

    private final String sql;

    ExchangeStatement(DSLContext dsl, String schema) {
        sql = "SELECT %s FROM %s(%s)"
                .formatted(
                        names(dsl, ANSWERED, ""), dsl.render(DSL.name(schema, "exchange")), names(dsl, GIVEN, " => ?"));
    }

    ExchangeAnswer call(Connection connection, long session, long epoch, int pool, boolean retry, ExchangeCall call)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setLong(1, session);
            statement.setLong(2, epoch);
            statement.setInt(3, pool);
            statement.setBoolean(4, retry);
            bind(statement, arrays(connection), call);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return new ExchangeAnswer(row);
            }
        }
    }

    private static void bind(PreparedStatement statement, Arrays arrays, ExchangeCall call) throws SQLException {
        statement.setArray(5, arrays.of("int2", call.settleKind));
        statement.setArray(6, arrays.of("int4", call.settleSlot));
        statement.setArray(7, arrays.of("int8", call.settleTicket));
        statement.setArray(8, arrays.of("int8", call.settleNext));
        statement.setArray(9, arrays.of("uuid", call.request));
        statement.setArray(10, arrays.of("int2", call.mode));
        statement.setArray(11, arrays.of("text", call.label));
        statement.setArray(12, arrays.of("int4", call.slots));
        if (call.foreignFrom == null) statement.setNull(13, Types.BIGINT);
        else statement.setLong(13, call.foreignFrom);
    }

    /** A DataSource may hide the driver; then by what JDBC has. */
    private static Arrays arrays(Connection connection) throws SQLException {
        if (connection.isWrapperFor(PGConnection.class)) return connection.unwrap(PGConnection.class)::createArrayOf;
        return (type, elements) -> connection.createArrayOf(type, boxed(elements));
    }

    private static Object[] boxed(Object elements) {
        if (elements instanceof Object[] objects) return objects;
        Object[] objects = new Object[Array.getLength(elements)];
        for (int i = 0; i < objects.length; i++) objects[i] = Array.get(elements, i);
        return objects;
    }

    private static String names(DSLContext dsl, List<Parameter<?>> parameters, String suffix) {
        return parameters.stream()
                .map(it -> dsl.render(it.getUnqualifiedName()) + suffix)
                .collect(Collectors.joining(", "));
    }
}
