package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions

/**
 * Proves again and again that a notification of another connection arrives on this one. The listener's thread alone.
 *
 * An echo that could not be sent proves nothing either way (the pool may be empty) and is tried again.
 */
internal class EchoCheck(
    private val echo: Echo,
    options: NotifierOptions,
    private val reports: Reports,
) {
    private val intervalNanos = options.echoInterval.toNanos()
    private val timeoutNanos = options.echoTimeout.toNanos()
    private var call: Echo.Call? = null
    private var nextCall = System.nanoTime()

    /** Whether one has arrived on this connection. */
    var heard = false
        private set

    fun hear(payload: String) {
        if (payload != call?.payload) return
        heard = true
        rest(intervalNanos)
    }

    /** Calls when it is time to, for the first time after LISTEN; [glance] takes what has arrived before an echo is declared lost. */
    fun step(glance: () -> Unit) {
        val pending = call
        when {
            pending == null -> {
                if (System.nanoTime() - nextCall >= 0) call = echo.call()
            }

            pending.failure != null -> {
                reports.error(pending.failure!!, null)
                rest(timeoutNanos)
            }

            overdue(pending) -> {
                glance()
                val isMissing = call === pending
                if (isMissing) throw Deaf("a notification sent on another connection didn't arrive within ${timeoutNanos / 1_000_000} ms")
            }
        }
    }

    fun untilDue(): Long {
        val pending = call ?: return nextCall - System.nanoTime()
        return timeoutNanos - (pending.sentNanos?.let { System.nanoTime() - it } ?: 0)
    }

    private fun overdue(pending: Echo.Call) = pending.sentNanos.let { it != null && System.nanoTime() - it >= timeoutNanos }

    private fun rest(nanos: Long) {
        call = null
        nextCall = System.nanoTime() + nanos
    }
}
