package io.numpool.testkit.internal.wire;

import io.numpool.testkit.WireDirection;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * One connection of a client, and the one to the server that is made for it when the first bytes go there. The loop's thread alone.
 *
 *     open --both sides have closed, and all is delivered--> closed
 *      |
 *      +--cut--> both are told the end, and what they still send is thrown away --they close--> closed
 *      +--held--> the client likewise; the server gets the one request, later, and is cut then
 *      '--reset--> closed at once
 *
 * What one side does (closing and resetting, too) reaches the other in order, behind what it sent before, and not while nothing passes.
 */
final class Link {
    private final Wire wire;
    private final End client;
    private final ClientTalk clientTalk = new ClientTalk();
    private final ServerTalk serverTalk = new ServerTalk(clientTalk::encrypted);
    private final Flow toServer;
    private final Flow toClient;

    /** Null until something is to be delivered to it. */
    private End server;

    /** Nothing passes any more, and nobody is told. */
    private boolean forgotten;

    /** ReadyForQuery that the server has been asked for. */
    private int asked;

    /** Of the request that is being delivered; null when there is none for it. */
    private Rule rule;

    /** To the request that met a rule; null when none did. */
    private Answer answer;

    Link(Wire wire, SocketChannel accepted) throws IOException {
        this.wire = wire;
        this.client = End.accepted(accepted, wire.selector(), this);
        this.toServer = new Flow(WireDirection.TO_SERVER, wire, this);
        this.toClient = new Flow(WireDirection.TO_CLIENT, wire, this);
    }

    int undelivered(WireDirection direction) {
        return (direction == WireDirection.TO_SERVER ? toServer : toClient).waitingBytes();
    }

    // --- what comes

    void ready(SelectionKey key, ByteBuffer buffer) {
        var end = client.owns(key) ? client : server;
        try {
            if (key.isConnectable() && !end.finishConnecting()) {
                return;
            }
            if (key.isReadable()) {
                read(end, buffer);
            }
        } catch (IOException gone) {
            broken(end);
        }
    }

    private void read(End end, ByteBuffer buffer) throws IOException {
        buffer.clear();
        var more = end.read(buffer);
        buffer.flip();
        var parcels = end == server ? heard(buffer, more) : said(buffer, more);
        if (client.isHungUp()) { // cut or held: nothing goes on
            if (!more) {
                closed(end);
            }
        } else if (!isGone(end == client ? server : client)) {
            from(end).addAll(parcels);
            if (!more) {
                from(end).add(Parcel.end());
            }
        }
    }

    private List<Parcel> said(ByteBuffer buffer, boolean more) {
        return more ? clientTalk.take(buffer) : clientTalk.rest();
    }

    private List<Parcel> heard(ByteBuffer buffer, boolean more) {
        var parcels = more ? serverTalk.take(buffer) : serverTalk.rest();
        if (client.isHungUp() && answer != null && answer.isComplete()) {
            server.hangUp();
        }
        return parcels;
    }

    /** A side is gone without a goodbye. */
    private void broken(End end) {
        if (end.isClosed()) {
            return;
        }
        closed(end);
        if (end == server) {
            serverTalk.rest();
        }
        if (!client.isHungUp()) {
            to(end).clear();
            from(end).add(Parcel.reset());
        }
    }

    // --- what goes

    /** Delivers what is due; answers how long until there is more to do, or null when something has to come first. */
    Long move(long nowNanos) {
        move(toServer, nowNanos);
        move(toClient, nowNanos);
        client.interest(client.isHungUp() || toServer.hasRoom(), toClient.isStuck());
        if (server != null) {
            server.interest(client.isHungUp() || toClient.hasRoom(), toServer.isStuck());
        }
        var connecting = server != null && !server.isConnected();
        return earlier(connecting ? null : toServer.nanosToNext(nowNanos), toClient.nanosToNext(nowNanos));
    }

    private static Long earlier(Long one, Long other) {
        return one == null ? other : other == null ? one : Long.valueOf(Math.min(one, other));
    }

    private void move(Flow flow, long nowNanos) {
        try {
            flow.move(nowNanos);
        } catch (IOException gone) {
            broken(target(flow));
        }
    }

    /** Whether this parcel's turn has come; afterwards it may have been taken away. */
    boolean begin(Flow flow, Parcel parcel) {
        if (flow == toServer && !connected(parcel)) {
            return false;
        }
        if (parcel.begun) {
            return true;
        }
        parcel.begun = true;
        if (parcel.cutBefore) {
            cut();
            return false;
        }
        if (!parcel.statements.isEmpty() && answer == null) { // a connection has but one end
            rule = wire.ruleFor(parcel.statements);
        }
        return flow == toClient || rule == null || obey(parcel);
    }

    private boolean connected(Parcel parcel) {
        if (server == null && parcel.kind != Parcel.Kind.BYTES) { // it never heard of this client
            close();
            return false;
        }
        try {
            if (server == null) {
                server = End.connecting(wire, this);
            }
            return server.isConnected();
        } catch (IOException refused) {
            reset();
            return false;
        }
    }

    /** Whether the request is to be delivered now. */
    private boolean obey(Parcel parcel) {
        switch (rule.act) {
            case CUT_BEFORE -> {
                var obeyed = rule;
                cut();
                obeyed.fired.complete(null);
                return false;
            }
            case HOLD -> {
                toServer.clear();
                toClient.clear();
                client.hangUp();
                rule.hold(() -> release(parcel));
                return false;
            }
            default -> {
                return true;
            }
        }
    }

    /** Unless the connection has come to its end meanwhile. */
    private void release(Parcel held) {
        if (rule != null) {
            toServer.add(held);
        }
    }

    /** The request that met a rule will not be delivered any more. */
    private void undeliverable() {
        if (rule != null) {
            rule.answered.completeExceptionally(
                    new IOException("the connection was closed before the statement was sent on"));
            rule = null;
        }
    }

    void deliver(Flow flow, Parcel parcel) throws IOException {
        var target = target(flow);
        switch (parcel.kind) {
            case BYTES -> write(target, parcel.bytes, wire.trickles(flow.direction));
            case END -> target.endOutput();
            case RESET -> target.reset();
        }
    }

    private static void write(End target, ByteBuffer bytes, boolean byteByByte) throws IOException {
        if (!byteByByte) {
            target.write(bytes);
            return;
        }
        var end = bytes.limit();
        for (var accepted = true; accepted && bytes.position() < end; ) {
            bytes.limit(bytes.position() + 1);
            target.write(bytes);
            accepted = !bytes.hasRemaining();
        }
        bytes.limit(end);
    }

    void delivered(Flow flow, Parcel parcel) {
        asked += parcel.answers;
        if (parcel.asksForEncryption) {
            serverTalk.expectEncryption();
        }
        if (parcel.kind == Parcel.Kind.RESET || ends(flow, parcel)) {
            close();
        }
        if (parcel.cutAfter) {
            cut();
        }
        if (flow == toServer && rule != null) {
            var obeyed = rule;
            rule = null;
            watchAnswer(obeyed);
        }
    }

    private void watchAnswer(Rule obeyed) {
        answer = new Answer(asked, obeyed.messages, obeyed.answered);
        serverTalk.watch(answer);
        if (obeyed.act != Rule.Act.CUT_IN_ANSWER) {
            cut();
        }
    }

    /** The other direction has come to its end before. */
    private boolean ends(Flow flow, Parcel parcel) {
        return parcel.kind == Parcel.Kind.END && (flow == toServer ? client : server).isOutputEnded();
    }

    // --- the end

    /** Orderly. A server whose answer is waited for is not disturbed before it has answered. */
    void cut() {
        undeliverable();
        toServer.clear();
        toClient.clear();
        client.hangUp();
        if (server != null && (answer == null || answer.isComplete())) {
            server.hangUp();
        }
        if (answer != null) {
            answer.clientIsCut();
        }
    }

    void reset() {
        client.reset();
        if (server != null) {
            server.reset();
        }
        close();
    }

    private void closed(End end) {
        end.close();
        if (end == server) {
            undeliverable();
        }
    }

    void close() {
        undeliverable();
        toServer.clear();
        toClient.clear();
        client.close();
        if (server != null) {
            server.close();
        }
        serverTalk.rest();
    }

    void forget() {
        forgotten = true;
    }

    boolean isForgotten() {
        return forgotten;
    }

    /** A client is connected, and was not cut off. */
    boolean isOpen() {
        return !client.isHungUp() && !isClosed();
    }

    boolean isClosed() {
        return client.isClosed() && (server == null ? toServer.isEmpty() : server.isClosed());
    }

    private static boolean isGone(End end) {
        return end != null && end.isClosed();
    }

    private Flow from(End end) {
        return end == client ? toServer : toClient;
    }

    private Flow to(End end) {
        return end == client ? toClient : toServer;
    }

    private End target(Flow flow) {
        return flow == toServer ? server : client;
    }
}
