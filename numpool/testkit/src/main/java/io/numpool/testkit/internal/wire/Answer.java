package io.numpool.testkit.internal.wire;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What the server answers to a request whose client is not to hear all of it. */
final class Answer {
    private static final int HEADER = 5;
    private static final int SQLSTATE_LENGTH = 5;

    /** The ReadyForQuery that ends it, counted from the connection's beginning. */
    final int number;

    private final CompletableFuture<Optional<String>> done;

    /** How many messages go to the client; 0 when it is cut already. */
    private final int messages;

    private int seen;
    private String sqlState;
    private boolean complete;
    private boolean cut;

    Answer(int number, int messages, CompletableFuture<Optional<String>> done) {
        this.number = number;
        this.messages = messages;
        this.done = done;
        this.cut = messages == 0;
    }

    /** One message of it, on its way to the client in a parcel of its own. */
    void hear(char type, ByteBuffer message, Parcel parcel) {
        if (type == 'E') {
            sqlState = sqlState(message);
        }
        if (type == 'Z') {
            complete = true;
            parcel.cutBefore = messages > 0;
        } else if (type != 'A' && type != 'N' && type != 'S') { // those come when they like
            seen++;
            parcel.cutAfter = seen == messages;
        }
        finish();
    }

    boolean isComplete() {
        return complete;
    }

    /** The client's connection is cut. */
    void clientIsCut() {
        cut = true;
        finish();
    }

    /** No more of it will come. */
    void broken() {
        if (!complete) {
            done.completeExceptionally(new IOException("the server closed the connection"
                    + (sqlState == null ? " without an answer" : " after " + sqlState)));
        }
    }

    private void finish() {
        if (complete && cut) {
            done.complete(Optional.ofNullable(sqlState));
        }
    }

    private static String sqlState(ByteBuffer error) {
        var text = new String(error.array(), HEADER, error.array().length - HEADER, StandardCharsets.UTF_8);
        var code = text.indexOf("\0C");
        return text.substring(code + 2, code + 2 + SQLSTATE_LENGTH);
    }
}
