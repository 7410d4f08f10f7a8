package io.numpool.notify;

import java.util.concurrent.CompletableFuture;

/** One subscriber of one channel, for Java. See {@link Subscription}. */
public interface SubscriptionAsync extends AutoCloseable {
    /**
     * The channel subscribed to.
     *
     * @return its name
     */
    String channel();

    /**
     * Completed when LISTEN is committed for the first time; from then on nothing is missed without a {@link Gap}. Fails
     * with {@link ListenUnavailableException} when notifications don't arrive in these surroundings, and with
     * {@link NotifierClosedException} when the notifier is closed.
     *
     * @return a future of its own; cancelling it changes nothing
     */
    CompletableFuture<Void> listening();

    /** Ends the subscription; a handler call under way runs to its end, none starts after. Doesn't wait. Twice is fine. */
    @Override
    void close();
}
