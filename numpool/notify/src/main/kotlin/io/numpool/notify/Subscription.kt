package io.numpool.notify

/** One subscriber of one channel. */
public interface Subscription : AutoCloseable {
    /** The channel subscribed to. */
    public val channel: String

    /**
     * Suspends until LISTEN is committed for the first time; from then on nothing is missed without a [Gap].
     *
     * @throws ListenUnavailableException when notifications don't arrive in these surroundings
     * @throws NotifierClosedException when the notifier is closed
     */
    public suspend fun awaitListening()

    /** Ends the subscription; a handler call under way runs to its end, none starts after. Doesn't wait. Twice is fine. */
    override fun close()
}
