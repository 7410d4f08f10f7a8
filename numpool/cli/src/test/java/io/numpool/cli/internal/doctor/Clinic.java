package io.numpool.cli.internal.doctor;

import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.embedded.Folders;
import io.numpool.cli.internal.embedded.Restart;
import io.numpool.cli.internal.embedded.ServerForTests;
import io.numpool.cli.internal.embedded.TemporaryServer;
import io.numpool.cli.internal.embedded.UnpackedPrograms;
import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A PostgreSQL for all that the doctor is tested with, and schemas in it that may be hurt. */
final class Clinic {
    private static final Clinic SHARED = new Clinic();
    private static final AtomicInteger SCHEMAS = new AtomicInteger();

    private final Path folder;
    private final TemporaryServer server;

    private Clinic() {
        try {
            folder = Files.createTempDirectory("numpool-clinic-");
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
            UnpackedPrograms.linkInto(folder.resolve("numpool"));
            server = ServerForTests.start(folder.resolve("numpool"));
            Runtime.getRuntime().addShutdownHook(new Thread(this::close));
            Restart.with(server, folder.resolve("numpool"), "max_prepared_transactions = 2");
        } catch (IOException | SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    static Clinic shared() {
        return SHARED;
    }

    private void close() {
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

    Connection connect() throws SQLException {
        return DriverManager.getConnection(
                address().jdbcUrl(), address().user(), address().password());
    }

    void execute(String... statements) throws SQLException {
        try (var connection = connect();
                var statement = connection.createStatement()) {
            for (var sql : statements) {
                statement.execute(sql);
            }
        }
    }

    String ask(String sql) throws SQLException {
        try (var connection = connect();
                var answer = connection.createStatement().executeQuery(sql)) {
            answer.next();
            return answer.getString(1);
        }
    }

    /** A new schema with numpool's tables, and nothing in them. */
    Ward ward() throws SQLException {
        var ward = new Ward(this, "ward_" + SCHEMAS.incrementAndGet());
        execute("CREATE SCHEMA " + ward.schema());
        for (var script : Migrations.of(Line.POOL).scripts()) {
            ward.execute(script.sql());
        }
        return ward;
    }

    /** One schema. */
    record Ward(Clinic clinic, String schema) {
        /** In this schema, each in a transaction of its own. */
        void execute(String... statements) throws SQLException {
            try (var connection = connect();
                    var statement = connection.createStatement()) {
                for (var sql : statements) {
                    statement.execute(sql);
                }
            }
        }

        Connection connect() throws SQLException {
            var connection = clinic.connect();
            try (var statement = connection.createStatement()) {
                statement.execute("SET search_path = " + schema);
            }
            return connection;
        }

        Diagnosis diagnosis() throws SQLException {
            return diagnosis(Limits.DEFAULT);
        }

        Diagnosis diagnosis(Limits limits) throws SQLException {
            return new Doctor(schema, limits).examine(clinic.address().dataSource());
        }

        Check check(String name, Limits limits) throws SQLException {
            return diagnosis(limits).checks().stream()
                    .filter(check -> check.check().equals(name))
                    .findFirst()
                    .orElseThrow();
        }

        /** What is found of any check, with its name before it. */
        List<String> found() throws SQLException {
            return diagnosis().checks().stream()
                    .flatMap(check -> check.findings().stream().map(finding -> check.check() + " " + finding.text()))
                    .toList();
        }
    }
}
