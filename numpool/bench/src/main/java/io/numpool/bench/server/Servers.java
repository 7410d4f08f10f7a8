package io.numpool.bench.server;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** The servers of a run, each started when it is first needed, all with their data in temporary folders, gone when this is closed. */
public final class Servers implements AutoCloseable {
    private final Map<ServerKind, RunningServer> running = new EnumMap<>(ServerKind.class);
    private Map<String, String> postgresSettings = Map.of();

    /**
     * Fails at once when a program is missing.
     *
     * @param kinds what will be needed
     */
    public static void require(Set<ServerKind> kinds) {
        if (kinds.contains(ServerKind.REDIS)) {
            RedisServer.requireProgram();
        }
    }

    /** A place for one round. */
    public Place newPlace(ServerKind kind) {
        return server(kind).newPlace();
    }

    /** What the processes of a server have used so far. */
    public CpuTime cpuTime(ServerKind kind) {
        return CpuTime.of(server(kind).pid());
    }

    /** Of those that were needed. */
    public Map<String, String> versions() {
        var versions = new LinkedHashMap<String, String>();
        running.forEach((kind, server) -> versions.put(kind.title(), server.version()));
        return versions;
    }

    public Map<String, String> postgresSettings() {
        return postgresSettings;
    }

    @Override
    public void close() {
        running.values().forEach(RunningServer::close);
    }

    private RunningServer server(ServerKind kind) {
        var server = running.get(kind);
        if (server == null) {
            server = start(kind);
            running.put(kind, server);
        }
        return server;
    }

    private RunningServer start(ServerKind kind) {
        return switch (kind) {
            case POSTGRES -> startPostgres();
            case REDIS -> new RedisServer();
            case ZOOKEEPER -> new ZooKeeperServer();
        };
    }

    private RunningServer startPostgres() {
        var server = new PostgresServer();
        postgresSettings = server.settings();
        return server;
    }
}
