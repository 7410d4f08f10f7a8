package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions
import java.time.Instant

/**
 * Proves again and again that a notification of another connection arrives on this one. The listener's thread alone.
 *
 * An echo that could not be sent proves nothing either way (the pool may be empty) and is tried again. The first one proves
 * nothing when it came with the answer to a statement: a pooler passes it on then, though never to a connection that waits.
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

    /** When the first one was sent that proved nothing; null when the one on its way is the first. */
    private var doubtedSince: Long? = null

    /** Whether one has arrived on this connection. */
    var heard = false
        private set

    /** When the echo was sent, if it proves something. */
    fun hear(
        payload: String,
        asleep: Boolean,
    ): Instant? {
        val pending = call
        if (payload != pending?.payload) return null
        if (asleep || heard) {
            heard = true
            doubtedSince = null
            rest(intervalNanos)
            return pending.begun
        }
        doubtedSince = doubtedSince ?: pending.sentNanos ?: System.nanoTime()
        rest(0)
        return null
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
                rest(timeoutNanos / 8)
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
        return timeoutNanos - (pending.sentNanos?.let(::waited) ?: 0)
    }

    private fun overdue(pending: Echo.Call) = pending.sentNanos.let { it != null && waited(it) >= timeoutNanos }

    private fun waited(sentNanos: Long) = System.nanoTime() - (doubtedSince ?: sentNanos)

    private fun rest(nanos: Long) {
        call = null
        nextCall = System.nanoTime() + nanos
    }
}
