package io.numpool.testkit;

import io.numpool.testkit.internal.wire.Wire;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A network between clients and a PostgreSQL server that misbehaves on demand. It listens on a port of the loopback address, and connects
 * to the server once for each client.
 *
 * <p>There are faults that last, until {@link #resume}: it can {@link #swallow} what is sent, as a black hole does, {@link #delay} it, let it
 * {@link #trickle}, {@link #refuse} new connections, and {@link #forget} those that there are. There are faults of a moment: it can
 * {@link #cut} and {@link #reset} connections. And there are faults that wait for a statement, each for one: {@link #cutBefore},
 * {@link #cutAfter}, {@link #cutInAnswer} and {@link #hold}. Such a statement is named by a part of its text, in any case; it is the first one
 * with that part which is sent after the fault was asked for, on whichever connection, prepared or not. Two that wait for the same
 * statement befall one each, in order.
 *
 * <p>What happens on one side of a connection (the end of its output, a reset, a close) reaches the other in order, after what was sent
 * before it, and not while nothing passes.
 *
 * <p>TLS passes through unread: faults that wait for a statement do not happen then.
 *
 * <p>Safe for use by several threads. Each method returns when what it says holds. Futures are completed on the proxy's one thread: what
 * is hung on them happens at that very moment, before another byte passes, and must not block. It may call the proxy.
 */
public final class WireProxy implements AutoCloseable {
    private static final int HIGHEST_PORT = 65_535;

    private final Wire wire;

    private WireProxy(Wire wire) {
        this.wire = wire;
    }

    /**
     * Opens one in front of the server that has this database.
     *
     * @param database of the server; when its address names several hosts, the first
     * @return one that accepts connections
     */
    public static WireProxy inFrontOf(TestDatabase database) {
        var server = database.postgresDataSource();
        return inFrontOf(server.getServerNames()[0], server.getPortNumbers()[0]);
    }

    /**
     * Opens one in front of any server.
     *
     * @param host name or address
     * @param serverPort 1–65,535
     * @return one that accepts connections
     */
    public static WireProxy inFrontOf(String host, int serverPort) {
        if (serverPort < 1 || serverPort > HIGHEST_PORT) {
            throw new IllegalArgumentException("serverPort is " + serverPort + ", must be 1 to " + HIGHEST_PORT);
        }
        var server = new InetSocketAddress(host, serverPort);
        if (server.isUnresolved()) {
            throw new IllegalArgumentException(
                    "host is '" + host + "', must be the name or address of one that is known");
        }
        return new WireProxy(Wire.to(server));
    }

    /**
     * Where it listens.
     *
     * @return a TCP port on the loopback address, 127.0.0.1
     */
    public int port() {
        return wire.port();
    }

    /**
     * A database of the server, through the proxy.
     *
     * @param database any of that server
     * @return a JDBC URL with user and password
     */
    public String url(TestDatabase database) {
        return database.urlWithPassword(hosts());
    }

    /**
     * A database of the server, through the proxy.
     *
     * @param database any of that server
     * @return plain connections, a new data source
     */
    public PGSimpleDataSource dataSource(TestDatabase database) {
        return database.postgresDataSource(hosts());
    }

    /**
     * How many clients are connected.
     *
     * @return a count, without those that were cut off; with those that were forgotten
     */
    public int connections() {
        return wire.connections();
    }

    /**
     * How much it has taken and not delivered yet, on all connections: because it is swallowed, delayed or forgotten, or because the receiver
     * takes no more. To wait until a call is in a black hole, for one.
     *
     * @param direction of what
     * @return bytes; 0 when all is delivered
     */
    public long undelivered(WireDirection direction) {
        return wire.undelivered(direction);
    }

    // --- faults that last

    /**
     * Delivers nothing any more, in either direction, as a black hole: new connections are accepted, what is sent is taken (up to 1 MiB for a
     * connection and direction, as kernels' buffers would), and nobody is told. What was swallowed is delivered after {@link #resume}.
     */
    public void swallow() {
        wire.swallow(EnumSet.allOf(WireDirection.class));
    }

    /**
     * The same in one direction.
     *
     * @param direction in which nothing is delivered
     */
    public void swallow(WireDirection direction) {
        wire.swallow(EnumSet.of(direction));
    }

    /**
     * Forgets the connections that there are, as a router does that starts anew: nothing passes on them any more, ever, and nobody is told.
     * New ones are not concerned.
     */
    public void forget() {
        wire.forget();
    }

    /**
     * Delivers later. What is on its way already is delayed, too; the order stays.
     *
     * @param direction of what
     * @param latency how much later; 0 for not at all
     */
    public void delay(WireDirection direction, Duration latency) {
        if (latency.isNegative()) {
            throw new IllegalArgumentException("latency is " + latency + ", must not be negative");
        }
        wire.delay(direction, latency.toNanos());
    }

    /**
     * Delivers byte by byte, each sent by itself.
     *
     * @param direction of what
     */
    public void trickle(WireDirection direction) {
        wire.trickle(direction);
    }

    /** Closes each new connection at once. */
    public void refuse() {
        wire.refuse();
    }

    /** Ends all faults that last, but {@link #forget}. What was swallowed is delivered first. */
    public void resume() {
        wire.resume();
    }

    // --- faults of a moment

    /**
     * Closes all connections in an orderly way, on both sides. What is on its way is dropped; a server that is at work finishes what it
     * was sent, and closes then.
     */
    public void cut() {
        wire.cut();
    }

    /** Resets all connections (RST), on both sides. */
    public void reset() {
        wire.reset();
    }

    // --- faults that wait for a statement

    /**
     * Cuts the connection on which this statement is sent, instead of sending it on: it is never executed.
     *
     * @param statement a part of its text, such as {@code COMMIT}
     * @return completed when it has happened; cancelling it before disarms the rule
     */
    public CompletableFuture<Void> cutBefore(String statement) {
        return wire.cutBefore(checked(statement));
    }

    /**
     * Cuts the client off as soon as this statement was sent on: the server executes and commits it, and nobody hears of it.
     *
     * @param statement a part of its text
     * @return what the server answered: the SQLSTATE with which it refused, empty when it was executed; cancelling it before disarms the
     *     rule; fails with an {@link java.io.IOException} when the server closed the connection instead
     */
    public CompletableFuture<Optional<String>> cutAfter(String statement) {
        return wire.cutAfter(checked(statement));
    }

    /**
     * Cuts the connection within the answer to this statement, between two messages of the server. At the latest right before the last one
     * (ReadyForQuery), if there are not so many.
     *
     * @param statement a part of its text
     * @param messages how many the client gets, at least 1; notices, notifications and parameters are passed on, and not counted
     * @return as {@link #cutAfter}; completed when the client is cut off, too
     */
    public CompletableFuture<Optional<String>> cutInAnswer(String statement, int messages) {
        if (messages < 1) {
            throw new IllegalArgumentException("messages is " + messages + ", must be at least 1");
        }
        return wire.cutInAnswer(checked(statement), messages);
    }

    /**
     * Cuts the client off, and holds this statement back, together with the connection to the server: it is executed when
     * {@link LateStatement#deliver} says, long after its end for the client.
     *
     * @param statement a part of its text
     * @return the statement, when it will have been sent
     */
    public LateStatement hold(String statement) {
        return new LateStatement(wire.hold(checked(statement)));
    }

    /** Closes it with all of its connections, and ends its thread. What still waited for a statement is cancelled. Twice is fine. */
    @Override
    public void close() {
        wire.close();
    }

    @Override
    public String toString() {
        return "WireProxy at " + hosts();
    }

    private String hosts() {
        return Wire.HOST + ":" + port();
    }

    private static String checked(String statement) {
        if (statement.isBlank()) {
            throw new IllegalArgumentException("statement is '" + statement + "', must be a part of one");
        }
        return statement;
    }
}
