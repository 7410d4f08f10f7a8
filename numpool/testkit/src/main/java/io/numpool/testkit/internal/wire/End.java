package io.numpool.testkit.internal.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/** One of the two sockets of a {@link Link}. */
final class End {
    private final SocketChannel channel;
    private final SelectionKey key;
    private int interest;

    /** The peer sends no more. */
    private boolean inputEnded;

    /** The peer was told so. */
    private boolean outputEnded;

    /** We say goodbye: what still comes is thrown away, and it is closed when the peer has closed. */
    private boolean hungUp;

    private boolean closed;

    private End(SocketChannel channel, Selector selector, Link link, int interest) throws IOException {
        this.channel = channel;
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        this.interest = interest;
        this.key = channel.register(selector, interest, link);
    }

    static End accepted(SocketChannel channel, Selector selector, Link link) throws IOException {
        return new End(channel, selector, link, SelectionKey.OP_READ);
    }

    static End connecting(Wire wire, Link link) throws IOException {
        var channel = SocketChannel.open();
        try {
            var end = new End(channel, wire.selector(), link, SelectionKey.OP_CONNECT);
            channel.connect(wire.server());
            return end;
        } catch (IOException refused) {
            channel.close();
            throw refused;
        }
    }

    boolean owns(SelectionKey other) {
        return key == other;
    }

    boolean finishConnecting() throws IOException {
        return channel.finishConnect();
    }

    boolean isConnected() {
        return channel.isConnected();
    }

    boolean isClosed() {
        return closed;
    }

    boolean isHungUp() {
        return hungUp;
    }

    boolean isOutputEnded() {
        return outputEnded;
    }

    /** False when the peer sends no more. */
    boolean read(ByteBuffer buffer) throws IOException {
        inputEnded = channel.read(buffer) < 0;
        return !inputEnded;
    }

    void write(ByteBuffer bytes) throws IOException {
        channel.write(bytes);
    }

    void endOutput() throws IOException {
        if (!outputEnded && channel.isConnected()) {
            channel.shutdownOutput();
        }
        outputEnded = true;
    }

    /** An orderly end: closing with bytes unread would be a reset. */
    void hangUp() {
        if (hungUp || closed) {
            return;
        }
        hungUp = true;
        try {
            endOutput();
        } catch (IOException gone) {
            inputEnded = true;
        }
        if (inputEnded || !channel.isConnected()) {
            close();
        }
    }

    void reset() {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException gone) {
            // the peer has closed: there is nothing to reset
        }
        close();
    }

    void close() {
        closed = true;
        try {
            channel.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    void interest(boolean toRead, boolean toWrite) {
        if (!key.isValid()) {
            return;
        }
        var wanted = channel.isConnected()
                ? (toRead && !inputEnded ? SelectionKey.OP_READ : 0) | (toWrite ? SelectionKey.OP_WRITE : 0)
                : SelectionKey.OP_CONNECT;
        if (wanted != interest) {
            interest = wanted;
            key.interestOps(wanted);
        }
    }
}
