package io.numpool.notify

import io.numpool.notify.internal.ListeningNotifier
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow
import java.sql.Connection
import javax.sql.DataSource
import kotlin.time.Duration

/**
 * LISTEN/NOTIFY on one connection, for any number of channels and subscribers. It reconnects for ever (unless told
 * otherwise), notices when it has gone deaf, and says when something may have been missed ([Gap]).
 *
 * Notifications of a channel arrive in the order they were committed, at most once, one handler call at a time per
 * subscription; subscriptions run side by side.
 */
public interface Notifier : AutoCloseable {
    /** The name given in the options. */
    public val name: String

    /** What it can promise now. */
    public val mode: NotifierMode

    /** [mode] as it changes; a slow collector sees the newest only. */
    public val modes: StateFlow<NotifierMode>

    /** Whether notifications arrive now: [mode] is [NotifierMode.Listening]. */
    public val isHealthy: Boolean

    /** Counters and times since it was opened. */
    public val statistics: NotifierStatistics

    /** Whether its LISTEN connection is free of pgjdbc's 1 ms delay, see [PromptSocketFactory]. */
    public val prompt: Boolean

    /**
     * Subscribes and suspends until LISTEN is committed. When cancelled, or when it throws, nothing is subscribed.
     *
     * @param channel any name of 1 to 63 bytes
     * @param onGap called instead of [handler] where notifications may be missing
     * @param handler called for each notification, one at a time; what it throws goes to the observer
     * @throws IllegalArgumentException for a name that is no channel's
     * @throws ListenUnavailableException when notifications don't arrive in these surroundings
     * @throws NotifierClosedException when closed
     */
    public suspend fun subscribe(
        channel: String,
        onGap: suspend (Gap) -> Unit = {},
        handler: suspend (Notification) -> Unit,
    ): Subscription

    /** Like [subscribe] without waiting: LISTEN follows as soon as there is a connection. */
    public fun register(
        channel: String,
        onGap: suspend (Gap) -> Unit = {},
        handler: suspend (Notification) -> Unit,
    ): Subscription

    /**
     * The notifications and gaps of [channel]; each collector is a subscription of its own. Ends when the notifier is
     * closed, and fails with [NotifierClosedException] when it gave up reconnecting.
     *
     * @param startWithGap begin with a [Gap] as soon as LISTEN is committed: load on it, and nothing is missed
     */
    public fun events(
        channel: String,
        startWithGap: Boolean = false,
    ): Flow<NotifierEvent>

    /**
     * Sends a notification on another connection than the one that listens, and returns when it is committed. What is
     * published while a transaction is under way goes together into the next one, in the order of the calls. Cancelled
     * before its transaction has begun, it is not sent; later it may be.
     *
     * @throws IllegalArgumentException for a name that is no channel's, or a payload that is longer than
     *   `maxPayloadBytes` or contains NUL
     * @throws PublishException when it could not be sent; it may have been, if the connection broke meanwhile
     * @throws NotifierClosedException when closed
     */
    public suspend fun publish(
        channel: String,
        payload: String = "",
    )

    /**
     * Sends a notification in the transaction that [connection] is in: it goes out when that commits, and not at all when
     * it is rolled back. Blocks for a round trip. PostgreSQL sends equal notifications of one transaction once.
     *
     * @throws IllegalArgumentException as the other [publish]
     * @throws PublishException when the database refuses; the transaction is aborted then
     * @throws NotifierClosedException when closed
     */
    public fun publish(
        connection: Connection,
        channel: String,
        payload: String = "",
    )

    /**
     * How full the server's queue of notifications is, between 0 and 1, over all its databases. It fills up when a session
     * that listens stays in a transaction; a full one makes every NOTIFY fail.
     *
     * @throws java.sql.SQLException when the database is not to be asked
     * @throws NotifierClosedException when closed
     */
    public suspend fun queueUsage(): Double

    /**
     * Runs [block] on the LISTEN connection, between two reads, on the listener's thread; in the order of the calls.
     * What [block] throws is thrown here. A transaction it leaves open is rolled back. When the server leaves it
     * without an answer for longer than the longer of [timeout] and `pingTimeout`, the connection is aborted.
     *
     * @throws NoListenConnectionException when it could not be started within [timeout]; it will not run then
     * @throws NotifierClosedException when closed
     */
    public suspend fun <T> onListenConnection(
        timeout: Duration,
        block: (Connection) -> T,
    ): T

    /**
     * Stops reading, lets handlers finish what is buffered, sends what waits to be sent, cancels what is left after `closeTimeout`, and waits
     * for all that. Leaves no thread and no connection behind. Twice is fine. From a handler, a hook or an observer it doesn't wait.
     */
    public override fun close()

    /** [close] that suspends instead of blocking. */
    public suspend fun shutdown()

    public companion object {
        /** A notifier on the database of [dataSource]: listens on a connection like its own ([ConnectionProvider.listening]), and sends on its own ([ConnectionProvider.sending]). */
        @JvmSynthetic
        public fun open(
            dataSource: DataSource,
            configure: NotifierOptions.Builder.() -> Unit = {},
        ): Notifier = open(ConnectionProvider.listening(dataSource), ConnectionProvider.sending(dataSource), options(configure))

        /** A notifier on the database at [url], a `jdbc:postgresql:` one. */
        @JvmSynthetic
        public fun open(
            url: String,
            configure: NotifierOptions.Builder.() -> Unit = {},
        ): Notifier = ConnectionProvider.of(url).let { open(it, it, options(configure)) }

        /** A notifier that listens on a connection of [listener] and sends on connections of [sender]. Returns at once: it connects on its own. */
        @JvmStatic
        public fun open(
            listener: ConnectionProvider,
            sender: ConnectionProvider,
            options: NotifierOptions,
        ): Notifier = ListeningNotifier(listener, sender, options).also { it.start() }

        private fun options(configure: NotifierOptions.Builder.() -> Unit) = NotifierOptions.builder().apply(configure).build()
    }
}
