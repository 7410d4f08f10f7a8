package io.numpool.testkit.internal.wire;

import java.nio.ByteBuffer;
import java.util.List;

/** Bytes on their way through the proxy, in whole messages where they can be read, or the end of them. The loop's thread alone. */
final class Parcel {
    /** How it is delivered. */
    enum Kind {
        BYTES,
        END,
        RESET
    }

    final Kind kind;
    final ByteBuffer bytes;
    final long arrivedNanos = System.nanoTime();

    /** What a client has executed by it. */
    final List<String> statements;

    /** How many ReadyForQuery of the server it asks for. */
    final int answers;

    /** The client asks whether it may encrypt. */
    boolean asksForEncryption;

    /** Some of it may be with the receiver already. */
    boolean begun;

    /** The connection is cut when its turn has come. */
    boolean cutBefore;

    /** The connection is cut when it is delivered. */
    boolean cutAfter;

    private Parcel(Kind kind, ByteBuffer bytes, List<String> statements, int answers) {
        this.kind = kind;
        this.bytes = bytes;
        this.statements = statements;
        this.answers = answers;
    }

    static Parcel bytes(ByteBuffer bytes) {
        return request(bytes, List.of(), 0);
    }

    static Parcel request(ByteBuffer bytes, List<String> statements, int answers) {
        return new Parcel(Kind.BYTES, bytes, statements, answers);
    }

    static Parcel end() {
        return new Parcel(Kind.END, ByteBuffer.allocate(0), List.of(), 0);
    }

    static Parcel reset() {
        return new Parcel(Kind.RESET, ByteBuffer.allocate(0), List.of(), 0);
    }
}
