package io.numpool.internal

import io.numpool.NumpoolListener
import io.numpool.PoolUse
import org.slf4j.LoggerFactory
import kotlin.time.Duration
import kotlin.time.toJavaDuration

/**
 * The user's listeners, made safe: what they throw is logged and goes no further.
 *
 * Each is told of a pool's joining and leaving once and in this order, whenever it was added: [lock] is held while they are told of these.
 */
internal class Hooks(
    listeners: List<NumpoolListener>,
) {
    private val log = LoggerFactory.getLogger(Hooks::class.java)
    private val lock = Any()

    /** Replaced under [lock]. */
    @Volatile private var listeners = listeners

    /** Guarded by [lock]. */
    private val uses = LinkedHashSet<LaneUse>()

    /** Guarded by [lock]. */
    private var isClosed = false

    val isEmpty get() = listeners.isEmpty()

    /** False when the client is closed. */
    fun add(listener: NumpoolListener): Boolean =
        synchronized(lock) {
            if (!isClosed && listener !in listeners) {
                ArrayList(uses).forEach { tell(listener) { joined(it) } } // first: what happens in them comes after
                listeners = listeners + listener
            }
            !isClosed
        }

    fun remove(listener: NumpoolListener) =
        synchronized(lock) {
            listeners = listeners - listener
        }

    /** Again is fine. Not after it was left. */
    fun joined(use: LaneUse) =
        synchronized(lock) {
            if (!isClosed && !use.isOver && uses.add(use)) tell { it.joined(use) }
        }

    /** For good. Again is fine. */
    fun left(use: LaneUse) =
        synchronized(lock) {
            use.isOver = true
            if (uses.remove(use)) tell { it.left(use) }
        }

    fun closed() =
        synchronized(lock) {
            isClosed = true
            ArrayList(uses).forEach { use -> tell { it.left(use) } }
            uses.clear()
            tell { it.closed() }
        }

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
        for (listener in listeners) tell(listener) { event(this) }
    }

    private inline fun tell(
        listener: NumpoolListener,
        event: NumpoolListener.() -> Unit,
    ) {
        try {
            listener.event()
        } catch (e: Throwable) {
            log.warn("A NumpoolListener threw", e)
        }
    }
}
