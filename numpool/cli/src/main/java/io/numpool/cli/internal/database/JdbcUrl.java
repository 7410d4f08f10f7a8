package io.numpool.cli.internal.database;

import io.numpool.cli.internal.Failure;
import org.postgresql.Driver;

/** {@code jdbc:postgresql:…}: the driver's own, kept as it is. */
record JdbcUrl(String source, String url) {
    /** A user or password that the URL does not name is taken from PGUSER and PGPASSWORD. */
    DatabaseAddress toAddress(LibpqEnvironment environment) {
        var properties = Driver.parseURL(url, null);
        if (properties == null) {
            throw Failure.usage(
                    source
                            + " is not a PostgreSQL URL; write jdbc:postgresql://host:port/database or postgres://user@host:port/database");
        }
        var fallback = environment.parameters();
        return new DatabaseAddress(
                url,
                properties.getProperty("user", fallback.get("user")),
                properties.getProperty("password", fallback.get("password")));
    }
}
