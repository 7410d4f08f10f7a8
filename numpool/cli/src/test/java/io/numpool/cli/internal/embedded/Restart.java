package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Build;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;

/** Starts a temporary server anew, at the same address. */
public final class Restart {
    private Restart() {}

    /**
     * @param dataFolder that it was started with
     * @param setting one that takes effect at the start
     */
    public static void with(TemporaryServer server, Path dataFolder, String setting) throws IOException, SQLException {
        var address = server.address();
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                var statement = connection.createStatement()) {
            statement.execute("ALTER SYSTEM SET " + setting);
        }
        var programs = new PostgresPrograms(
                Binaries.in(dataFolder.resolve("postgres-" + Build.postgresMajor())), Privileges.detect());
        var cluster = new Cluster(server.folder());
        cluster.stop(programs, "fast");
        var again = cluster.address(cluster.start(programs));
        if (!again.equals(address)) {
            throw new IllegalStateException("was at " + address + ", is at " + again);
        }
    }
}
