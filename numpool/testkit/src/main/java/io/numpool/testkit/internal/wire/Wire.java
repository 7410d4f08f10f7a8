package io.numpool.testkit.internal.wire;

import io.numpool.testkit.WireDirection;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * All connections of a proxy, and how it treats them. One thread, the loop's, does everything: others give it tasks. So a fault is complete
 * when the method that asks for it returns.
 */
public final class Wire implements AutoCloseable {
    /** Where it listens. */
    public static final String HOST = "127.0.0.1";

    private static final int BACKLOG = 1024;
    private static final int BUFFER_BYTES = 1 << 16;

    private final SocketAddress server;
    private final ServerSocketChannel acceptor;
    private final Selector selector;
    private final Loop loop;
    private final int port;

    // --- the loop's thread alone
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private final Set<WireDirection> swallowed = EnumSet.noneOf(WireDirection.class);
    private final Set<WireDirection> trickling = EnumSet.noneOf(WireDirection.class);
    private final Map<WireDirection, Long> delaysNanos = new EnumMap<>(WireDirection.class);
    private final List<Link> links = new ArrayList<>();
    private final List<Rule> rules = new ArrayList<>();
    private boolean refusing;

    private Wire(SocketAddress server) throws IOException {
        this.server = server;
        this.selector = Selector.open();
        this.acceptor = ServerSocketChannel.open();
        acceptor.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        acceptor.bind(new InetSocketAddress(HOST, 0), BACKLOG);
        acceptor.configureBlocking(false);
        acceptor.register(selector, SelectionKey.OP_ACCEPT);
        this.port = acceptor.socket().getLocalPort();
        this.loop = new Loop("wire proxy " + port, selector, new Work());
    }

    /**
     * Opens one on a free port of the loopback address.
     *
     * @param server to which it connects, for each client anew
     * @return one that accepts connections
     */
    public static Wire to(SocketAddress server) {
        try {
            var wire = new Wire(server);
            wire.loop.start();
            return wire;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * Where it listens.
     *
     * @return a TCP port
     */
    public int port() {
        return port;
    }

    /**
     * How many clients are connected, and were not cut off.
     *
     * @return a count
     */
    public int connections() {
        return loop.ask(() -> (int) links.stream().filter(Link::isOpen).count());
    }

    /**
     * How much was taken, and not delivered yet.
     *
     * @param direction in which
     * @return bytes, of all connections
     */
    public long undelivered(WireDirection direction) {
        return loop.ask(() ->
                links.stream().mapToLong(link -> link.undelivered(direction)).sum());
    }

    // --- lasting faults

    /**
     * Delivers nothing in these directions from now on.
     *
     * @param directions which
     */
    public void swallow(Set<WireDirection> directions) {
        run(() -> swallowed.addAll(directions));
    }

    /**
     * Delivers later.
     *
     * @param direction in which
     * @param nanos how much
     */
    public void delay(WireDirection direction, long nanos) {
        run(() -> delaysNanos.put(direction, nanos));
    }

    /**
     * Delivers byte by byte.
     *
     * @param direction in which
     */
    public void trickle(WireDirection direction) {
        run(() -> trickling.add(direction));
    }

    /** Closes new connections at once. */
    public void refuse() {
        run(() -> refusing = true);
    }

    /** Delivers nothing any more on the connections that there are. */
    public void forget() {
        run(() -> links.forEach(Link::forget));
    }

    /** Ends all of these, but for what was forgotten. */
    public void resume() {
        run(() -> {
            swallowed.clear();
            trickling.clear();
            delaysNanos.clear();
            refusing = false;
        });
    }

    // --- faults of a moment

    /** Closes all connections. */
    public void cut() {
        run(() -> List.copyOf(links).forEach(Link::cut));
    }

    /** Resets all connections. */
    public void reset() {
        run(() -> List.copyOf(links).forEach(Link::reset));
    }

    /**
     * Cuts a connection before a statement is sent.
     *
     * @param text of the statement, in part
     * @return completed when it has happened
     */
    public CompletableFuture<Void> cutBefore(String text) {
        return arm(new Rule(Rule.Act.CUT_BEFORE, text, 0)).fired;
    }

    /**
     * Cuts a connection when a statement is sent.
     *
     * @param text of the statement, in part
     * @return the SQLSTATE that the server answered
     */
    public CompletableFuture<Optional<String>> cutAfter(String text) {
        return arm(new Rule(Rule.Act.CUT_AFTER, text, 0)).answered;
    }

    /**
     * Cuts a connection in the middle of an answer.
     *
     * @param text of the statement, in part
     * @param messages that the client gets
     * @return the SQLSTATE that the server answered
     */
    public CompletableFuture<Optional<String>> cutInAnswer(String text, int messages) {
        return arm(new Rule(Rule.Act.CUT_IN_ANSWER, text, messages)).answered;
    }

    /**
     * Cuts a client off, and keeps its statement for later.
     *
     * @param text of the statement, in part
     * @return the statement
     */
    public Late hold(String text) {
        return new Late(arm(new Rule(Rule.Act.HOLD, text, 0)), loop);
    }

    /** Closes all connections, and ends its thread. */
    @Override
    public void close() {
        loop.close();
    }

    // --- the loop's thread

    Selector selector() {
        return selector;
    }

    SocketAddress server() {
        return server;
    }

    boolean passes(WireDirection direction) {
        return !swallowed.contains(direction);
    }

    boolean trickles(WireDirection direction) {
        return trickling.contains(direction);
    }

    long delayNanos(WireDirection direction) {
        return delaysNanos.getOrDefault(direction, 0L);
    }

    /** What is to befall these statements, once; null when nothing is. */
    Rule ruleFor(List<String> statements) {
        rules.removeIf(Rule::isOver);
        return rules.stream().filter(rule -> rule.take(statements)).findFirst().orElse(null);
    }

    private Rule arm(Rule rule) {
        run(() -> rules.add(rule));
        return rule;
    }

    private void run(Runnable task) {
        loop.ask(() -> {
            task.run();
            return null;
        });
    }

    private final class Work implements Loop.Work {
        @Override
        public void ready(SelectionKey key) throws IOException {
            if (key.isAcceptable()) {
                accept();
            } else {
                ((Link) key.attachment()).ready(key, buffer);
            }
        }

        private void accept() throws IOException {
            for (var client = acceptor.accept(); client != null; client = acceptor.accept()) {
                if (refusing) {
                    client.close();
                } else {
                    link(client);
                }
            }
        }

        private void link(SocketChannel client) throws IOException {
            try {
                links.add(new Link(Wire.this, client));
            } catch (IOException gone) {
                client.close();
            }
        }

        @Override
        public Long step() {
            var now = System.nanoTime();
            Long next = null;
            for (var link : List.copyOf(links)) {
                var due = link.move(now);
                if (due != null && (next == null || due < next)) {
                    next = due;
                }
            }
            links.removeIf(Link::isClosed);
            return next;
        }

        @Override
        public void end() throws IOException {
            acceptor.close();
            rules.forEach(Rule::cancel); // before their links say why
            links.forEach(Link::close);
        }
    }
}
