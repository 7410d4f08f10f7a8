package io.numpool.db;

/**
 * One migration as text, for those who apply it by other means than Flyway.
 *
 * @param version its number, from 1
 * @param name its file name, such as {@code V1__pool.sql}
 * @param sql what to run, with the target schema first in the search path
 */
public record Script(int version, String name, String sql) {}
