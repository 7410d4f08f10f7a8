package io.numpool.testkit.internal.wire;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A statement that is held back. */
public final class Late {
    private final Rule rule;
    private final Loop loop;

    Late(Rule rule, Loop loop) {
        this.rule = rule;
        this.loop = loop;
    }

    /**
     * Whether it was sent.
     *
     * @return completed when it is held, and the client is cut off
     */
    public CompletableFuture<Void> held() {
        return rule.fired;
    }

    /**
     * Sends it to the server.
     *
     * @return the SQLSTATE that the server answered
     */
    public CompletableFuture<Optional<String>> deliver() {
        loop.ask(() -> {
            rule.deliver();
            return null;
        });
        return rule.answered;
    }
}
