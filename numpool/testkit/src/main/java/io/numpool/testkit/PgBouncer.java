package io.numpool.testkit;

import io.numpool.testkit.internal.Pooler;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A PgBouncer of one's own in front of a database, pooling by transaction: two transactions of a client may run on different connections
 * of the server, so nothing that belongs to a session (LISTEN, session-level advisory locks, prepared statements) can be relied on.
 *
 * <p>The program is not brought along. It is looked for on the PATH and where distributions put it, or named by
 * {@code -Dnumpool.test.pgbouncer=PATH}.
 */
public final class PgBouncer implements AutoCloseable {
    private final Pooler pooler;
    private final String url;

    private PgBouncer(Pooler pooler, String url) {
        this.pooler = pooler;
        this.url = url;
    }

    /**
     * Where the program is on this machine.
     *
     * @return empty when it is not installed
     * @throws IllegalStateException when {@code numpool.test.pgbouncer} names something that can't be run
     */
    public static Optional<Path> program() {
        return Pooler.program();
    }

    /**
     * Starts one on a free port of the loopback address.
     *
     * @param database behind it
     * @param serverConnections how many connections to the server its clients share; at least 1
     * @return one that answers; gone when closed, and when the JVM is
     * @throws IllegalStateException when it is not installed or does not start, with its log
     */
    public static PgBouncer inFrontOf(TestDatabase database, int serverConnections) {
        if (serverConnections < 1) {
            throw new IllegalArgumentException("serverConnections is " + serverConnections + ", must be at least 1");
        }
        var program = program().orElseThrow(() -> new IllegalStateException("pgbouncer is not installed"));
        var pooler = Pooler.start(program, database.postgresDataSource(), serverConnections);
        // it can't prepare statements over transactions
        var url = "jdbc:postgresql://127.0.0.1:" + pooler.port() + "/" + database.name() + "?prepareThreshold=0&user="
                + database.user();
        return new PgBouncer(pooler, url);
    }

    /**
     * The database through it.
     *
     * @return a JDBC URL with all that is needed to get in
     */
    public String url() {
        return url;
    }

    /**
     * What it wrote so far.
     *
     * @return the whole log
     */
    public String log() {
        return pooler.log();
    }

    /** Ends it; connections through it break. Twice is fine. */
    @Override
    public void close() {
        pooler.close();
    }

    @Override
    public String toString() {
        return "PgBouncer at " + url;
    }
}
