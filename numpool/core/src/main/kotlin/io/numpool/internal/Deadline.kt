package io.numpool.internal

import java.util.concurrent.atomic.AtomicReference
import kotlin.math.max
import kotlin.math.min

/** A moment on both clocks of this machine: the monotonic one stands still while it sleeps, the wall clock may be set back. */
internal class Moment(
    val nanos: Long,
    val millis: Long,
) {
    companion object {
        fun now() = Moment(System.nanoTime(), System.currentTimeMillis())

        /** The moment at which the monotonic clock showed [nanos], not long ago. */
        fun at(nanos: Long) = Moment(nanos, System.currentTimeMillis() - (System.nanoTime() - nanos) / 1_000_000)
    }

    /** Milliseconds from this moment to [later], by the clock that saw more of them. */
    fun millisTo(later: Moment) = max((later.nanos - nanos) / 1_000_000, later.millis - millis)
}

/**
 * Until when a session is surely alive. The holder finds out first: every bound here is earlier than the moment at which a reaper may
 * declare the session dead, since it counts from what was *sent* before the reaper could see it, less a margin.
 *
 *  - last renewal sent and answered + ttl - margin
 *  - last ping sent and answered + grace - margin, once an attach was sent; the attach counts as one. Off while the server is down: its alive
 *    locks are gone with it, and nobody judges a session by its connection in the server's next life until it attaches there.
 */
internal class Deadline(
    ttlMillis: Long,
    graceMillis: Long,
    opened: Moment,
) {
    private val margin = max(200, graceMillis / 10)
    private val afterRenewal = ttlMillis - margin
    private val afterPing = graceMillis - margin

    private val renewed = AtomicReference(opened)
    private val pinged = AtomicReference<Moment?>()

    /** Whether the first attach in this life of the server was answered. */
    @Volatile private var answered = false

    fun renewed(sent: Moment) {
        renewed.updateAndGet { if (sent.nanos > it.nanos) sent else it } // answers may come in another order
    }

    /** From the first attach in a life of the server on, whether answered or not, a reaper may judge the session by its connection. */
    fun attaching(sent: Moment) {
        pinged.compareAndSet(null, sent)
    }

    /** Sent and answered by the backend that holds the alive lock. */
    fun pinged(sent: Moment) {
        answered = true
        pinged.updateAndGet { if (it == null || sent.nanos > it.nanos) sent else it }
    }

    /** The server ended: until the next attach is sent the renewals count alone. */
    fun serverEnded() {
        pinged.set(null)
        answered = false
    }

    fun remainingMillis(now: Moment = Moment.now()): Long = min(byRenewal(now), byPing(now))

    private fun byRenewal(now: Moment) = afterRenewal - renewed.get().millisTo(now)

    private fun byPing(now: Moment) = pinged.get()?.let { afterPing - it.millisTo(now) } ?: Long.MAX_VALUE

    /** Which sign of life is missing, for those who look for the cause. */
    fun missing(now: Moment = Moment.now()): String {
        val ping = pinged.get()
        return when {
            ping == null || byRenewal(now) < byPing(now) -> "no renewal sent in the last ${renewed.get().millisTo(now)} ms was answered"
            answered -> "no ping sent in the last ${ping.millisTo(now)} ms was answered by its LISTEN connection"
            else -> "its first attach in this life of the server was sent ${ping.millisTo(now)} ms ago, and none was answered"
        }
    }
}
