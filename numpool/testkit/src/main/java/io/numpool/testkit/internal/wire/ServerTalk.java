package io.numpool.testkit.internal.wire;

import java.io.ByteArrayOutputStream;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Reads what a server sends, and counts its answers. What belongs to the {@link Answer} that is watched goes on message by message. */
final class ServerTalk {
    private static final char ERROR = 'E';
    private static final char NO = 'N';

    private final Messages messages = new Messages();
    private final ByteArrayOutputStream together = new ByteArrayOutputStream();
    private final Runnable onEncrypted;
    private Answer watched;
    private int answered;
    private boolean askedForEncryption;
    private boolean unread;

    ServerTalk(Runnable onEncrypted) {
        this.onEncrypted = onEncrypted;
    }

    /** The next byte is no message, but yes or no. */
    void expectEncryption() {
        askedForEncryption = true;
    }

    void watch(Answer answer) {
        watched = answer;
    }

    /** What can go on. */
    List<Parcel> take(ByteBuffer come) {
        messages.add(come);
        var parcels = new ArrayList<Parcel>();
        agree();
        try {
            for (var message = next(); message != null; message = next()) {
                hear(message, parcels);
            }
        } catch (ProtocolException notPostgres) {
            unread = true;
        }
        if (unread) {
            together.writeBytes(messages.rest().array());
        }
        flush(parcels);
        return parcels;
    }

    /** What waits for more that will not come. */
    List<Parcel> rest() {
        var parcels = new ArrayList<Parcel>();
        together.writeBytes(messages.rest().array());
        flush(parcels);
        if (watched != null) {
            watched.broken();
        }
        return parcels;
    }

    private ByteBuffer next() throws ProtocolException {
        return unread ? null : messages.next(true);
    }

    private void agree() {
        if (!askedForEncryption || unread || messages.peek() == 0) {
            return;
        }
        askedForEncryption = false;
        if (messages.peek() == ERROR) { // a message after all, of a server that is too old or too busy to talk
            return;
        }
        unread = messages.peek() != NO;
        together.writeBytes(messages.nextByte().array());
        if (unread) {
            onEncrypted.run();
        }
    }

    private void hear(ByteBuffer message, List<Parcel> parcels) {
        var type = (char) message.get(0);
        if (watched != null && answered == watched.number - 1) {
            flush(parcels);
            var parcel = Parcel.bytes(message);
            parcels.add(parcel);
            watched.hear(type, message, parcel);
        } else {
            together.writeBytes(message.array());
        }
        if (type == 'Z') {
            answered++;
        }
    }

    private void flush(List<Parcel> parcels) {
        if (together.size() > 0) {
            parcels.add(Parcel.bytes(ByteBuffer.wrap(together.toByteArray())));
            together.reset();
        }
    }
}
