package io.numpool.bench.server;

import io.numpool.testkit.OwnPostgres;
import io.numpool.testkit.ServerSettings;
import io.numpool.testkit.TestDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;

/** PostgreSQL as it is by default, durable and on disk, with a database for each round. */
final class PostgresServer implements RunningServer {
    /** A hundred clients with three connections each, and those of the benchmark. */
    private static final String MAX_CONNECTIONS = "400";

    private static final String[] SHOWN = {
        "server_version",
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "shared_buffers",
        "max_connections",
        "wal_sync_method"
    };

    private final OwnPostgres server;

    PostgresServer() {
        server = OwnPostgres.start(ServerSettings.durable().onDisk().with("max_connections", MAX_CONNECTIONS));
    }

    @Override
    public long pid() {
        try {
            var first = Files.readAllLines(server.dataFolder().resolve("postmaster.pid"))
                    .get(0);
            return Long.parseLong(first.strip());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Override
    public String version() {
        return settings().get("server_version");
    }

    @Override
    public Place newPlace() {
        var database = server.newDatabase();
        return new Place(database.urlWithPassword(), database::close);
    }

    /** What it was seen to run with. It does not start unless it is durable. */
    Map<String, String> settings() {
        var settings = new LinkedHashMap<String, String>();
        try (TestDatabase database = server.emptyDatabase()) {
            for (var name : SHOWN) {
                settings.put(name, database.query("SHOW " + name));
            }
            settings.put(
                    "file system of the data",
                    Files.getFileStore(server.dataFolder()).type());
        } catch (SQLException | IOException failed) {
            throw new IllegalStateException("Cannot ask PostgreSQL for its settings", failed);
        }
        return settings;
    }

    @Override
    public void close() {
        server.close();
    }
}
