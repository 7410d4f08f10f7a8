package io.numpool.testkit.internal.wire;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Cuts what comes into messages: a byte for the type (a client's first message has none), four for a length that counts itself, the rest. */
final class Messages {
    private static final int LENGTH_BYTES = 4;

    /** As PostgreSQL has it: longer is something else, TLS from the first byte, say. */
    private static final int LONGEST_FIRST = 10_000;

    private byte[] bytes = new byte[1024];
    private int from;
    private int to;

    void add(ByteBuffer come) {
        if (to + come.remaining() > bytes.length) {
            var size = to - from;
            var room = size + come.remaining() > bytes.length / 2 ? 2 * (size + come.remaining()) : bytes.length;
            var roomier = new byte[room];
            System.arraycopy(bytes, from, roomier, 0, size);
            bytes = roomier;
            from = 0;
            to = size;
        }
        var count = come.remaining();
        come.get(bytes, to, count);
        to += count;
    }

    /** The next whole message, or null. */
    ByteBuffer next(boolean typed) throws ProtocolException {
        var header = typed ? 1 : 0;
        if (to - from < header + LENGTH_BYTES) {
            return null;
        }
        var length = ByteBuffer.wrap(bytes).getInt(from + header);
        if (length < LENGTH_BYTES || !typed && length > LONGEST_FIRST) {
            throw new ProtocolException("A message of length " + length);
        }
        return to - from - header < length ? null : take(header + length);
    }

    /** The next byte, or null. */
    ByteBuffer nextByte() {
        return from == to ? null : take(1);
    }

    /** The next byte, which stays; 0 when there is none. */
    char peek() {
        return from == to ? 0 : (char) bytes[from];
    }

    /** What is left, whole or not. */
    ByteBuffer rest() {
        return take(to - from);
    }

    private ByteBuffer take(int count) {
        var taken = Arrays.copyOfRange(bytes, from, from + count);
        from += count;
        if (from == to) {
            from = 0;
            to = 0;
        }
        return ByteBuffer.wrap(taken);
    }
}
