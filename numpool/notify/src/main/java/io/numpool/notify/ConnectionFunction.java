package io.numpool.notify;

import java.sql.Connection;
import java.sql.SQLException;

/**
 * Something to do on a connection.
 *
 * @param <T> of its result
 */
@FunctionalInterface
public interface ConnectionFunction<T> {
    /**
     * Does it.
     *
     * @param connection not to be closed
     * @return the result
     * @throws SQLException when the database refuses
     */
    T apply(Connection connection) throws SQLException;
}
