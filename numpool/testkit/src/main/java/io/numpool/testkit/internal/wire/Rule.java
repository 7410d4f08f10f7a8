package io.numpool.testkit.internal.wire;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What is to happen, once, when a client sends a certain statement. */
final class Rule {
    /** What. */
    enum Act {
        CUT_BEFORE,
        CUT_AFTER,
        CUT_IN_ANSWER,
        HOLD
    }

    final Act act;

    /** Of the answer, to be let through. */
    final int messages;

    /** It has happened: the statement was not, and is not, sent. */
    final CompletableFuture<Void> fired = new CompletableFuture<>();

    /** The server has answered. */
    final CompletableFuture<Optional<String>> answered = new CompletableFuture<>();

    private final String text;

    private boolean taken;

    /** Sends what is held. */
    private Runnable delivery;

    Rule(Act act, String text, int messages) {
        this.act = act;
        this.text = text.toLowerCase(Locale.ROOT);
        this.messages = messages;
    }

    /** Whether it is for these, and was for none before. */
    boolean take(List<String> statements) {
        var takes = !taken && statements.stream().anyMatch(this::isFor);
        taken |= takes;
        return takes;
    }

    private boolean isFor(String statement) {
        return statement.toLowerCase(Locale.ROOT).contains(text);
    }

    /** It has done its work, or nobody wants it any more. */
    boolean isOver() {
        return answered.isDone() || fired.isCancelled() || act == Act.CUT_BEFORE && fired.isDone();
    }

    void hold(Runnable deliverLater) {
        delivery = deliverLater;
        fired.complete(null);
    }

    void deliver() {
        if (delivery == null) {
            throw new IllegalStateException("nothing is held yet: no statement with '" + text + "' was sent");
        }
        delivery.run();
        delivery = () -> {};
    }

    void cancel() {
        fired.cancel(false);
        answered.cancel(false);
    }
}
