package io.numpool.notify.internal

import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration.Companion.nanoseconds

/**
 * Wakes the listener, which sleeps in a read on its connection or, when a subscriber has no room, in a channel.
 *
 * The ringer sets [rung], then looks at [reading]; the listener sets [reading], then looks at [rung]: one of them sees
 * the other, so no ring is lost, and only a listener that sleeps costs a NOTIFY ([wake]).
 */
internal class Doorbell(
    private val wake: () -> Unit,
) {
    @Volatile
    private var rung = false

    @Volatile
    var reading = false
        private set

    private val bell = Channel<Unit>(Channel.CONFLATED)

    fun ring() {
        rung = true
        bell.trySend(Unit)
        if (reading) wake()
    }

    /** Takes the ring, if any: what was asked for before is looked at after this. */
    fun answer() {
        rung = false
    }

    /** Sleeps in [read], or skips it for [glance] when rung already. */
    fun <T> sleepReading(
        glance: () -> T,
        read: () -> T,
    ): T {
        reading = true
        try {
            return if (rung) glance() else read()
        } finally {
            reading = false
        }
    }

    /** Sleeps off the connection until rung. */
    suspend fun sleep(nanos: Long) {
        withTimeoutOrNull(nanos.nanoseconds) { bell.receive() }
    }
}
