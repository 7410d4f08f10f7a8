package io.numpool.notify.internal

import io.numpool.notify.NotifierStatistics
import java.time.Instant
import java.util.concurrent.atomic.LongAdder

/** What [NotifierStatistics] is made of. Any thread counts. */
internal class Counters {
    private class Failure(
        val error: Throwable,
        val at: Instant,
    )

    private val received = LongAdder()
    private val delivered = LongAdder()
    private val dropped = LongAdder()
    private val errors = LongAdder()
    private val reconnects = LongAdder()

    /** The listener's thread alone. */
    private var connectedBefore = false

    @Volatile private var connectedAt: Instant? = null

    @Volatile private var lastNotificationAt: Instant? = null

    @Volatile private var lastFailure: Failure? = null

    fun received(at: Instant) {
        received.increment()
        lastNotificationAt = at
    }

    fun delivered(): Unit = delivered.increment()

    fun dropped(notifications: Int): Unit = dropped.add(notifications.toLong())

    fun error(error: Throwable) {
        errors.increment()
        lastFailure = Failure(error, Instant.now())
    }

    fun connected(at: Instant) {
        if (connectedBefore) reconnects.increment()
        connectedBefore = true
        connectedAt = at
    }

    fun disconnected() {
        connectedAt = null
    }

    fun look(): NotifierStatistics {
        val failure = lastFailure
        return NotifierStatistics(
            received.sum(),
            delivered.sum(),
            dropped.sum(),
            errors.sum(),
            reconnects.sum(),
            connectedAt,
            lastNotificationAt,
            failure?.at,
            failure?.error,
        )
    }
}
