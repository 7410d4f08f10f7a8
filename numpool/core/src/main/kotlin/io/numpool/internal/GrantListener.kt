package io.numpool.internal

import io.numpool.NumpoolMode
import io.numpool.internal.store.StoreException
import io.numpool.notify.ConnectionProvider
import io.numpool.notify.NoListenConnectionException
import io.numpool.notify.Notifier
import io.numpool.notify.NotifierClosedException
import io.numpool.notify.NotifierMode
import io.numpool.notify.NotifierOptions
import io.numpool.notify.Subscription
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import org.slf4j.LoggerFactory
import java.sql.Connection
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.toKotlinDuration

/**
 * This process's one LISTEN connection: grants from other processes come in here, and its backend holds the session's alive lock. In
 * surroundings where notifications do not arrive the session is not attached, and lives by its renewals alone.
 */
internal class GrantListener(
    private val engine: Engine,
    from: ConnectionProvider,
    sender: ConnectionProvider,
) {
    private val log = LoggerFactory.getLogger(GrantListener::class.java)
    private val grace = engine.options.detachGrace.toMillis()
    private val notifier = Notifier.open(from, sender, options())
    private val following = Mutex()

    /** Guarded by [following]. */
    private var followed: Session? = null

    /** Guarded by [following]. */
    private var subscription: Subscription? = null

    private fun options(): NotifierOptions =
        NotifierOptions
            .builder()
            .apply {
                name = engine.options.name.takeLast(NAME_LENGTH)
                pingInterval = (grace / 3).milliseconds
                pingTimeout = (grace / 3).coerceAtLeast(100).milliseconds
                reconnectInterval = (grace / 20).coerceAtMost(1_000).milliseconds
                reconnectMaxInterval = grace.coerceAtMost(1_000).milliseconds
                reconnectMultiplier = SLOW_GROWTH
                closeTimeout =
                    engine.options.closeTimeout
                        .toKotlinDuration()
                        .coerceAtMost(10.days)
                hook = engine.sessions
            }.build()

    val mode: NumpoolMode
        get() =
            when (notifier.mode) {
                is NotifierMode.Connecting -> NumpoolMode.CONNECTING
                is NotifierMode.Listening -> NumpoolMode.LISTENING
                is NotifierMode.Unavailable -> NumpoolMode.POLL_ONLY
                is NotifierMode.Closed -> NumpoolMode.CLOSED
            }

    val modeReason: String? get() = (notifier.mode as? NotifierMode.Unavailable)?.reason

    /** Until it is known whether notifications arrive. */
    suspend fun awaitMode() {
        notifier.modes.first { it !is NotifierMode.Connecting }
    }

    /** Listens for [session], and attaches it as soon as notifications are seen to arrive. */
    suspend fun follow(session: Session) {
        following.withLock {
            if (followed === session) return
            followed = session
            subscription?.close()
            subscription = subscribe(session)
        }
        engine.scope.launchLogged("attach") { attachWhenListening(session) }
    }

    private fun subscribe(session: Session): Subscription? =
        try {
            notifier.register(session.channel, onGap = { engine.reread() }) { engine.router.notified(it.payload) }
        } catch (e: NotifierClosedException) {
            log.error("No notifications any more: the client polls, and its session lives by renewals", e)
            null
        }

    private suspend fun attachWhenListening(session: Session) {
        val backoff = Backoff()
        while (session.lostBecause == null) {
            if (notifier.modes.first { it is NotifierMode.Listening || it is NotifierMode.Closed } is NotifierMode.Closed) return
            engine.sessions.listening = true
            try {
                notifier.onListenConnection(grace.milliseconds) { connection ->
                    if (!engine.sessions.isAttached(session)) engine.sessions.attach(session, connection)
                }
                engine.reread()
                return
            } catch (e: NotifierClosedException) {
                return
            } catch (e: NoListenConnectionException) {
                log.debug("Not attached yet", e)
            } catch (e: StoreException) {
                log.debug("Not attached yet", e)
            }
            backoff.pause()
        }
    }

    /** Throws [StoreException] UNREACHABLE when there is no such connection now. */
    suspend fun <T> onConnection(call: (Connection) -> T): T =
        try {
            notifier.onListenConnection(grace.milliseconds, call)
        } catch (e: NoListenConnectionException) {
            throw StoreException(StoreException.Kind.UNREACHABLE, e)
        } catch (e: NotifierClosedException) {
            throw StoreException(StoreException.Kind.UNREACHABLE, e)
        }

    suspend fun close() = notifier.shutdown()

    private companion object {
        /** The grace runs from the last ping on: while it does, no pause is longer than about half of the time that was tried already. */
        const val SLOW_GROWTH = 1.3

        /** What a notifier takes. */
        const val NAME_LENGTH = 40
    }
}
