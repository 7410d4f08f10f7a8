package io.numpool.notify.internal

import io.numpool.notify.ListenHook
import io.numpool.notify.NotifierMode
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import java.sql.Connection
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration

/**
 * Keeps a [ListenSession] going:
 *
 * ```
 * wait (0 first) -> open -> hook -> LISTEN -> gaps told -> echo heard -> read ... lost -.
 *   ^                |       |        |                        |                        |
 *   '----------------+-------+--------+------------------------+------------------------'
 * ```
 *
 * The count of failures in a row ends with a session that worked (an echo was heard, or it lasted), so one that was lost
 * is followed by an attempt at once, and one that never worked by a growing delay. A few that were lost between LISTEN
 * and the echo are forgiven: that may have been bad luck. The listener's thread alone.
 */
internal class ListenLoop(
    private val opener: Opener,
    private val context: ListenContext,
    private val setMode: (NotifierMode) -> Unit,
) {
    private val backoff = Backoff(context.options)
    private var mode: NotifierMode = NotifierMode.Connecting(null)
    private var failures = 0
    private var forgiven = 0
    private var loss: Loss? = null
    private var connectedBefore = false

    /** The connection there is, for [Connection.abort] from outside. */
    @Volatile
    var connection: Connection? = null
        private set

    /** Returns the last error when it gives up. */
    suspend fun run(): Exception {
        while (true) {
            val pause = backoff.after(failures)
            if (connectedBefore || failures > 0) context.reports.tell { onReconnectAttempt(failures + 1, pause.toJavaDuration()) }
            delay(pause)
            val error = attempt()
            if (backoff.exhausted(failures)) return error
        }
    }

    private suspend fun attempt(): Exception {
        var session: ListenSession? = null
        var error: Exception? = null
        try {
            val opened = open().also { connection = it }
            currentCoroutineContext().ensureActive()
            session = ListenSession(opened, context, doubted = mode is NotifierMode.Unavailable)
            session.begin(loss)
            announce()
            session.read(::verified)
        } catch (e: Exception) {
            currentCoroutineContext().ensureActive()
            (connection?.lastWords() ?: session?.said)?.let(e::addSuppressed)
            error = e
            return e
        } finally {
            connection?.let(::discard)
            connection = null
            ended(session, error)
        }
    }

    private suspend fun open(): Connection {
        val begun = System.nanoTime()
        try {
            return opener.open(context.options.connectTimeout.toKotlinDuration())
        } catch (e: Exception) {
            currentCoroutineContext().ensureActive()
            val failed = System.nanoTime()
            tellHook { onConnectFailed(e, begun, failed) }
            throw e
        }
    }

    private fun announce() {
        loss = null
        val attempt = failures + 1
        context.reports.tell { onConnect() }
        if (connectedBefore) context.reports.tell { onReconnected(attempt) }
        connectedBefore = true
        if (mode !is NotifierMode.Unavailable) enter(NotifierMode.Connecting("listening, but no notification has been seen to arrive yet"))
    }

    private fun verified() {
        failures = 0
        forgiven = 0
        enter(NotifierMode.Listening)
    }

    /** [error] is null when cancelled. */
    private fun ended(
        session: ListenSession?,
        error: Exception?,
    ) {
        val provenAt = session?.provenAt
        context.counters.disconnected()
        if (error != null) {
            val reason = error.message ?: error.toString()
            count(session, error)
            if (provenAt != null && loss == null) loss = Loss(provenAt, reason)
            enterAfter(session, error, reason)
        }
        if (session?.hooked == true) tellHook { onLost(error) }
        if (provenAt != null) error?.let(context.reports::lost) ?: context.reports.tell { onDisconnect(null) }
    }

    private fun count(
        session: ListenSession?,
        error: Exception,
    ) {
        val listened = session?.provenAt != null && error !is Deaf
        when {
            session?.verified == true -> {}

            listened && session.ageNanos > context.options.reconnectInterval.toNanos() -> {
                failures = 0
            }

            listened && forgiven < EARLY_LOSSES_FORGIVEN -> {
                forgiven++
            }

            else -> {
                failures++
            }
        }
    }

    private fun enterAfter(
        session: ListenSession?,
        error: Exception,
        reason: String,
    ) {
        val verified = session?.verified == true
        when {
            error is Deaf && !verified -> {
                enter(NotifierMode.Unavailable(reason))
            }

            mode is NotifierMode.Unavailable && !verified -> {}

            else -> {
                enter(NotifierMode.Connecting(reason))
            }
        }
    }

    private fun enter(next: NotifierMode) {
        mode = next
        setMode(next)
    }

    private fun tellHook(event: ListenHook.() -> Unit) {
        try {
            context.options.hook?.event()
        } catch (e: Exception) {
            context.reports.error(e, null)
        }
    }

    // Never back into a pool: it would go on listening there.
    private fun discard(connection: Connection) {
        try {
            connection.abortNow()
        } catch (e: Exception) {
            context.reports.error(e, null)
        }
    }

    private companion object {
        const val EARLY_LOSSES_FORGIVEN = 3
    }
}
