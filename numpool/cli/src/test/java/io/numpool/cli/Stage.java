package io.numpool.cli;

import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.embedded.Folders;
import io.numpool.cli.internal.embedded.ServerForTests;
import io.numpool.cli.internal.embedded.TemporaryServer;
import io.numpool.cli.internal.embedded.UnpackedPrograms;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Map;

/** A PostgreSQL for the whole run, which commands are told of, with numpool's schema in it. */
final class Stage {
    private static final Stage SHARED = new Stage();

    private final Path folder;
    private final TemporaryServer server;

    private Stage() {
        try {
            folder = Files.createTempDirectory("numpool-it-");
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
            UnpackedPrograms.linkInto(folder.resolve("numpool"));
            server = ServerForTests.start(folder.resolve("numpool"));
            Runtime.getRuntime().addShutdownHook(new Thread(this::strike));
            new NumpoolJar(folder, environment()).run("migrate").expect(0);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static Stage shared() {
        return SHARED;
    }

    private void strike() {
        try {
            server.close();
            Folders.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    DatabaseAddress address() {
        return server.address();
    }

    /** Host and port. */
    String place() {
        return address().jdbcUrl().replaceAll("jdbc:postgresql://(.*)/.*", "$1");
    }

    /** With user and password. */
    String url() {
        var who = address().user() + ":" + URLEncoder.encode(address().password(), StandardCharsets.UTF_8);
        return address().jdbcUrl().replace("jdbc:postgresql://", "postgres://" + who + "@");
    }

    /** Names the database, and a data folder in which PostgreSQL's programs are unpacked already. */
    Map<String, String> environment() {
        return Map.of(
                "XDG_DATA_HOME", folder.toString(),
                "NUMPOOL_URL", address().jdbcUrl(),
                "PGUSER", address().user(),
                "PGPASSWORD", address().password());
    }

    /** A data folder in which PostgreSQL's programs are unpacked already, and nothing that names a database. */
    Map<String, String> programsOnly() {
        return Map.of("XDG_DATA_HOME", folder.toString());
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(
                address().jdbcUrl(), address().user(), address().password());
    }

    void execute(String sql) throws SQLException {
        try (var connection = connect();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Who waits, in all pools. */
    int waiting() throws SQLException {
        return count("numpool.waiter");
    }

    int holders(String pool) throws SQLException {
        return count("numpool.holding WHERE pool = '" + pool + "'");
    }

    private int count(String rows) throws SQLException {
        try (var connection = connect();
                var answer = connection.createStatement().executeQuery("SELECT count(*) FROM " + rows)) {
            answer.next();
            return answer.getInt(1);
        }
    }
}
