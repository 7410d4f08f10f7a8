package io.numpool.testkit;

import io.numpool.testkit.internal.Databases;
import io.numpool.testkit.internal.ServerAddress;
import java.time.Duration;

/**
 * A primary and a streaming standby of one's own, for tests of failover. Both are as an {@link OwnPostgres} is, to be stopped, frozen and
 * killed one by one; databases are made on the primary, and their URLs name both servers and ask for the one that is the primary.
 *
 * <p>When the standby is promoted, nobody tells the old primary. It has to be ended by the test, as an operator would fence it: frozen and
 * thawed it serves again, and the URLs may lead there. With synchronous replication its commits then wait for ever, because its standby is
 * gone; what is read there, and what is committed with {@code synchronous_commit} at {@code off} or {@code local}, does not wait.
 *
 * <p>Not safe for use by several threads.
 */
public final class ReplicatedPostgres implements AutoCloseable {
    private static final String STANDBY = "standby";
    private static final Duration PROMOTION = Duration.ofSeconds(60);

    // A frozen server takes connections and answers nothing: after the socket timeout the other one is tried. Without
    // sslmode it would be
    // asked twice, and for the other nothing would be left of the connect timeout, which is for all of them.
    private static final String PARAMETERS =
            "targetServerType=primary&sslmode=disable&socketTimeout=3&connectTimeout=10";

    private final OwnPostgres primary;
    private final OwnPostgres standby;
    private final Databases databases;
    private boolean promoted;

    private ReplicatedPostgres(OwnPostgres primary, OwnPostgres standby) {
        this.primary = primary;
        this.standby = standby;
        var first = primary.address();
        var hosts = first.hosts() + "," + standby.address().hosts();
        this.databases = new Databases(new ServerAddress(hosts, PARAMETERS, first.user(), first.password()));
    }

    /**
     * Starts a primary, and a standby that streams from it. The standby begins with a cold copy of the primary's data.
     *
     * @param settings of both; with {@link ServerSettings#durable} the primary is checked to be durable
     * @param replication whether commits wait for the standby
     * @return two servers that answer, the standby up to date
     * @throws IllegalStateException when one does not start, with its log
     */
    public static ReplicatedPostgres start(ServerSettings settings, Replication replication) {
        var primary = OwnPostgres.start(settings.with("wal_keep_size", "1GB")); // for a standby that lags
        try {
            var replicated = new ReplicatedPostgres(primary, primary.startStandby(STANDBY));
            replicated.begin(replication);
            return replicated;
        } catch (RuntimeException | AssertionError failed) {
            primary.close();
            throw failed;
        }
    }

    /**
     * The server that began as the primary.
     *
     * @return the first host of the URLs
     */
    public OwnPostgres primary() {
        return primary;
    }

    /**
     * The server that began as the standby.
     *
     * @return the second host of the URLs
     */
    public OwnPostgres standby() {
        return standby;
    }

    /**
     * Makes a database with the schema {@code numpool} in it, on the server that is the primary.
     *
     * @return a new database, whose URL names both servers
     */
    public TestDatabase newDatabase() {
        return new TestDatabase(databases, () -> current().isRunning(), maker().createMigrated());
    }

    /**
     * Makes a database with nothing in it, on the server that is the primary.
     *
     * @return a new database, whose URL names both servers
     */
    public TestDatabase emptyDatabase() {
        return new TestDatabase(databases, () -> current().isRunning(), maker().createEmpty());
    }

    /**
     * A database as one of the two servers has it, whichever role that server plays.
     *
     * @param server {@link #primary} or {@link #standby}
     * @param database made here
     * @return the same database, whose URL names that server alone; closing it does nothing
     * @throws IllegalArgumentException when the server is neither of the two
     */
    public TestDatabase databaseOn(OwnPostgres server, TestDatabase database) {
        if (server != primary && server != standby) {
            throw new IllegalArgumentException("server is " + server + ", must be " + primary + " or " + standby);
        }
        return new TestDatabase(new Databases(server.address()), () -> false, database.name());
    }

    /**
     * Waits until the standby has replayed all that the primary has committed by now, for at most {@link Await#BOUND}.
     *
     * @throws AssertionError when it has not in time
     */
    public void awaitCaughtUp() {
        var reached = primary.query("SELECT pg_logical_emit_message(true, 'numpool-testkit', 'caught up')");
        Await.until("the standby to have replayed " + reached, () -> standby.query(
                        "SELECT coalesce(pg_last_wal_replay_lsn() >= '" + reached + "', false)")
                .equals("t"));
    }

    /**
     * From now on the standby receives nothing. What the primary commits after this will be missing when the standby is promoted; with
     * synchronous replication its commits wait for ever instead. Returns when the stream has ended, for at most {@link Await#BOUND}.
     */
    public void stopReceiving() {
        standby.query("ALTER SYSTEM SET primary_conninfo = ''");
        standby.query("SELECT pg_reload_conf()");
        Await.until("the standby to receive nothing", () -> standby.query("SELECT count(*) FROM pg_stat_wal_receiver")
                .equals("0"));
    }

    /**
     * Makes the standby the primary, and waits until it is. Its commits wait for nobody. What becomes of the old primary is the caller's
     * business.
     *
     * @throws IllegalStateException when it is not promoted within 60 s, with its log
     */
    public void promote() {
        if (!standby.query("SELECT pg_promote(true, " + PROMOTION.toSeconds() + ")")
                .equals("t")) {
            throw new IllegalStateException("Not promoted within " + PROMOTION.toSeconds() + " s:\n" + standby.log());
        }
        promoted = true;
    }

    /** Ends both and deletes their data. */
    @Override
    public void close() {
        try {
            standby.close();
        } finally {
            primary.close();
        }
    }

    @Override
    public String toString() {
        return primary + ", and its standby " + standby;
    }

    /** Without a socket timeout: it may take long to make a database. */
    private Databases maker() {
        return new Databases(current().address());
    }

    private OwnPostgres current() {
        return promoted ? standby : primary;
    }

    private void begin(Replication replication) {
        if (replication == Replication.SYNCHRONOUS) {
            primary.query("ALTER SYSTEM SET synchronous_standby_names = '" + STANDBY + "'");
            primary.query("SELECT pg_reload_conf()");
        }
        var wanted = replication == Replication.SYNCHRONOUS ? "sync" : "async";
        Await.until(
                "the standby to stream",
                () -> wanted.equals(
                        primary.query("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")));
        awaitCaughtUp();
    }
}
