package io.numpool.cli.internal.embedded;

import java.nio.file.Path;
import java.sql.DriverManager;

/** A process that uses the embedded server of a data folder, started if need be, and prints who serves it. */
public final class EmbeddedClient {
    private EmbeddedClient() {}

    public static void main(String[] args) throws Exception {
        var address = new EmbeddedServer(Path.of(args[0])).address();
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                var answer = connection.createStatement().executeQuery("SELECT pg_postmaster_start_time()")) {
            answer.next();
            System.out.println(answer.getString(1));
        }
    }
}
