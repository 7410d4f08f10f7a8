package io.numpool.testkit;

import io.numpool.testkit.internal.wire.Late;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A statement that a {@link WireProxy} holds back, and that its client has given up. */
public final class LateStatement {
    private final Late late;

    LateStatement(Late late) {
        this.late = late;
    }

    /**
     * Whether a client has sent it.
     *
     * @return completed when the proxy has it and the client is cut off; cancelling it before disarms the rule
     */
    public CompletableFuture<Void> held() {
        return late.held();
    }

    /**
     * Sends it to the server, on the connection that it was meant for, which is closed afterwards. Twice is fine.
     *
     * @return the SQLSTATE with which the server refused it, empty when it was executed; fails with an {@link java.io.IOException} when the
     *     connection was closed instead, by the server or by another fault of the proxy
     * @throws IllegalStateException when it is not held yet
     */
    public CompletableFuture<Optional<String>> deliver() {
        return late.deliver();
    }
}
