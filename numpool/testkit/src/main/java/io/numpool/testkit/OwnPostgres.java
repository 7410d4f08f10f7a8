package io.numpool.testkit;

import io.numpool.testkit.internal.Databases;
import io.numpool.testkit.internal.Server;
import io.numpool.testkit.internal.ServerAddress;
import java.nio.file.Path;
import java.sql.SQLException;

/**
 * A server of one's own, for tests that stop, freeze or kill it. Made by initdb on the embedded binaries (or those of
 * {@code -Dnumpool.test.postgres.bin}), on a free port of the loopback address, with 300 connections.
 *
 * <p>It is gone with its data folder when closed, when the JVM exits, and when the JVM is killed. Not safe for use by several threads.
 */
public final class OwnPostgres implements AutoCloseable {
    private static final String MAX_CONNECTIONS = "300";

    private final Server server;
    private final Databases databases;
    private final Thread hook;

    private OwnPostgres(Server server) {
        this.server = server;
        this.databases = new Databases(server.address());
        this.hook = new Thread(server::destroy, "stop " + server);
    }

    /**
     * Starts a server.
     *
     * @param settings its configuration
     * @return a server that answers
     * @throws IllegalStateException when it does not start, with its log; or when settings that should be durable are not
     */
    public static OwnPostgres start(ServerSettings settings) {
        var own = owned(Server.create(withConnections(settings)));
        if (settings.isDurable()) {
            own.assertDurable();
        }
        return own;
    }

    /**
     * Makes a database with the schema {@code numpool} in it.
     *
     * @return a new database
     */
    public TestDatabase newDatabase() {
        return new TestDatabase(databases, server::isRunning, databases.createMigrated());
    }

    /**
     * Makes a database with nothing in it.
     *
     * @return a new database
     */
    public TestDatabase emptyDatabase() {
        return new TestDatabase(databases, server::isRunning, databases.createEmpty());
    }

    /** Starts it again, on the same port and data, and waits until it answers. */
    public void start() {
        server.start();
    }

    /**
     * Stops it, frozen or not, and waits until it is gone. Does nothing when it does not run.
     *
     * @param how in which way
     */
    public void stop(StopMode how) {
        server.stop(how.signal());
    }

    /**
     * Kills all of its processes (SIGKILL), frozen or not, as if its machine had died: clients hear nothing but that their connections are
     * closed. Waits until all are gone. What was written to disk stays, flushed or not. Does nothing when it does not run.
     */
    public void kill() {
        server.kill();
    }

    /**
     * Kills the postmaster alone (SIGKILL); its children notice, tell their clients, and end. Waits until all are gone. Does nothing when it
     * does not run.
     */
    public void killPostmaster() {
        server.killPostmaster();
    }

    /** Freezes the postmaster and all of its children (SIGSTOP): connections stay open, and answer nothing. */
    public void freeze() {
        server.freeze();
    }

    /** Lets a frozen server go on (SIGCONT). */
    public void thaw() {
        server.thaw();
    }

    /**
     * Kills one backend (SIGKILL): the server ends all the others and recovers, as after a crash.
     *
     * @param pid as {@code pg_backend_pid()} told
     */
    public void killBackend(int pid) {
        if (!ProcessSignal.KILL.send(pid)) {
            throw new IllegalArgumentException("No such process: " + pid);
        }
    }

    /**
     * Whether it runs; frozen counts as running.
     *
     * @return false after {@link #stop} and {@link #kill}
     */
    public boolean isRunning() {
        return server.isRunning();
    }

    /**
     * The port on the loopback address; it stays the same.
     *
     * @return a TCP port
     */
    public int port() {
        return server.port();
    }

    /**
     * Where its data is.
     *
     * @return a folder
     */
    public Path dataFolder() {
        return server.data();
    }

    /**
     * What initdb and the server wrote so far.
     *
     * @return the whole log
     */
    public String log() {
        return server.log();
    }

    /** Ends it and deletes its data. */
    @Override
    public void close() {
        server.destroy();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            return; // the hook finds nothing left to do
        }
    }

    @Override
    public String toString() {
        return server.toString();
    }

    private static ServerSettings withConnections(ServerSettings settings) {
        return settings.parameters().containsKey("max_connections")
                ? settings
                : settings.with("max_connections", MAX_CONNECTIONS);
    }

    private void assertDurable() {
        for (var parameter : new String[] {"fsync", "synchronous_commit"}) {
            var value = show(parameter);
            if (!value.equals("on")) {
                close();
                throw new IllegalStateException(parameter + " is " + value + ": this server is not durable");
            }
        }
    }

    private String show(String parameter) {
        return query("SHOW " + parameter);
    }

    /** The first column of the first row of what a statement answers; null when there is none. In the database postgres. */
    String query(String sql) {
        try (var connection = address().dataSource("postgres").getConnection();
                var statement = connection.createStatement()) {
            if (!statement.execute(sql)) {
                return null;
            }
            try (var row = statement.getResultSet()) {
                return row.next() ? row.getString(1) : null;
            }
        } catch (SQLException failed) {
            throw new IllegalStateException(sql + " failed:\n" + log(), failed);
        }
    }

    ServerAddress address() {
        return server.address();
    }

    /** A standby of this server, which is stopped and started again on the way. */
    OwnPostgres startStandby(String name) {
        return owned(Server.createStandby(server, name));
    }

    private static OwnPostgres owned(Server server) {
        var own = new OwnPostgres(server);
        Runtime.getRuntime().addShutdownHook(own.hook);
        return own;
    }
}
