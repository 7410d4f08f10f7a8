package io.numpool.testkit.internal.wire;

import java.io.ByteArrayOutputStream;
import java.net.ProtocolException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads what a client sends, and puts it together by request: all up to a Sync, or a simple query. A server executes a statement of the
 * extended protocol earlier, but commits it only at the Sync.
 *
 *     starting --startup--> talking
 *        '--something else, or encryption agreed--> unread: bytes pass as they come
 */
final class ClientTalk {
    private static final int ENCRYPT_TLS = 80877103;
    private static final int ENCRYPT_GSS = 80877104;
    private static final int MAJOR_VERSION = 3;
    private static final int MAJOR_SHIFT = 16;

    private final Messages messages = new Messages();
    private final Map<String, String> statements = new HashMap<>();
    private final Map<String, String> portals = new HashMap<>();
    private final ByteArrayOutputStream request = new ByteArrayOutputStream();
    private List<String> executed = new ArrayList<>();
    private boolean starting = true;
    private boolean unread;

    /** What can go on. */
    List<Parcel> take(ByteBuffer come) {
        messages.add(come);
        var parcels = new ArrayList<Parcel>();
        try {
            while (!unread) {
                var message = messages.next(!starting);
                if (message == null) {
                    return parcels;
                }
                var parcel = starting ? start(message) : talk(message);
                if (parcel != null) {
                    parcels.add(parcel);
                }
            }
        } catch (ProtocolException | BufferUnderflowException notPostgres) {
            unread = true;
        }
        parcels.addAll(rest());
        return parcels;
    }

    /** What waits for more that will not come. */
    List<Parcel> rest() {
        request.writeBytes(messages.rest().array());
        return request.size() == 0 ? List.of() : List.of(parcel(List.of(), 0));
    }

    /** From now on it is not to be understood. */
    void encrypted() {
        unread = true;
    }

    private Parcel start(ByteBuffer message) {
        request.writeBytes(message.array());
        var code = message.remaining() < 2 * Integer.BYTES ? 0 : message.getInt(Integer.BYTES);
        if (code == ENCRYPT_TLS || code == ENCRYPT_GSS) {
            var asks = parcel(List.of(), 0);
            asks.asksForEncryption = true;
            return asks;
        }
        starting = false;
        var talks = code >> MAJOR_SHIFT == MAJOR_VERSION;
        unread = !talks; // a cancel, or no PostgreSQL
        return parcel(List.of(), talks ? 1 : 0);
    }

    /** A request when it is complete, else null. */
    private Parcel talk(ByteBuffer message) {
        request.writeBytes(message.array());
        var type = (char) message.get();
        message.getInt();
        switch (type) {
            case 'P' -> statements.put(text(message), text(message));
            case 'B' -> portals.put(text(message), statements.getOrDefault(text(message), ""));
            case 'E' -> executed.add(portals.getOrDefault(text(message), ""));
            case 'C' -> (message.get() == 'S' ? statements : portals).remove(text(message));
            case 'Q' -> executed.add(text(message));
            default -> {}
        }
        return switch (type) {
            case 'P', 'B', 'D', 'E', 'C' -> null;
            case 'Q', 'S', 'F' -> complete();
            default -> parcel(List.of(), 0);
        };
    }

    private Parcel complete() {
        var all = executed;
        executed = new ArrayList<>();
        return parcel(all, 1);
    }

    private Parcel parcel(List<String> all, int answers) {
        var parcel = Parcel.request(ByteBuffer.wrap(request.toByteArray()), all, answers);
        request.reset();
        return parcel;
    }

    private static String text(ByteBuffer message) {
        var start = message.position();
        while (message.get() != 0) {
            continue;
        }
        return new String(message.array(), start, message.position() - 1 - start, StandardCharsets.UTF_8);
    }
}
