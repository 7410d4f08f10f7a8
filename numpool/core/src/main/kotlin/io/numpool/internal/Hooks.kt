package io.numpool.internal

import io.numpool.NumpoolListener
import org.slf4j.LoggerFactory
import kotlin.time.Duration
import kotlin.time.toJavaDuration

/** The user's listeners, made safe: what they throw is logged and goes no further. */
internal class Hooks(
    private val listeners: List<NumpoolListener>,
) {
    private val log = LoggerFactory.getLogger(Hooks::class.java)

    fun acquired(
        pool: String,
        index: Int,
        token: Long,
        waited: Duration,
    ) = tell { it.acquired(pool, index, token, waited.toJavaDuration()) }

    fun released(
        pool: String,
        index: Int,
        token: Long,
        held: Duration,
    ) = tell { it.released(pool, index, token, held.toJavaDuration()) }

    fun lost(
        pool: String,
        index: Int,
        token: Long,
        reason: String,
    ) = tell { it.lost(pool, index, token, reason) }

    fun queued(
        pool: String,
        ticket: Long,
    ) = tell { it.queued(pool, ticket) }

    fun timedOut(
        pool: String,
        waited: Duration,
    ) = tell { it.timedOut(pool, waited.toJavaDuration()) }

    fun reclaimed(
        session: Long,
        slots: Int,
    ) = tell { it.reclaimed(session, slots) }

    fun disconnected(cause: Throwable?) = tell { it.disconnected(cause) }

    fun reconnected() = tell { it.reconnected() }

    private inline fun tell(event: (NumpoolListener) -> Unit) {
        for (listener in listeners) {
            try {
                event(listener)
            } catch (e: Throwable) {
                log.warn("A NumpoolListener threw", e)
            }
        }
    }
}
