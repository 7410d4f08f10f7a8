package io.numpool.notify.internal

import io.numpool.notify.BufferPolicy
import io.numpool.notify.Gap
import io.numpool.notify.Notification
import io.numpool.notify.NotifierEvent
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.MutableStateFlow
import java.time.Instant
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * What one subscriber has yet to see, in order. The listener puts in, one coroutine takes out.
 *
 * Gaps don't count against [capacity]; two in a row become one, so there are never more gaps than notifications + 1.
 */
internal class Mailbox(
    val channel: String,
    val startWithGap: Boolean,
    private val capacity: Int,
    private val policy: BufferPolicy,
    private val counters: Counters,
    private val onRoom: () -> Unit,
) {
    /** True from the first time that LISTEN is committed for it. */
    val listening = MutableStateFlow(false)
    val since: Instant = Instant.now()

    /** The last connection on which LISTEN was confirmed to it. Touched by the listener's thread alone. */
    var confirmedOn: Any? = null

    private val lock = ReentrantLock()
    private val arrived = Channel<Unit>(Channel.CONFLATED)

    // Guarded by lock.
    private val events = ArrayDeque<NotifierEvent>()
    private var notifications = 0
    private var refused = false
    private var ended = false
    private var failure: Throwable? = null

    /** False when there is no room and the policy is to wait: then [onRoom] is called when there is. With [force] it goes in anyway. */
    fun offer(
        notification: Notification,
        force: Boolean = false,
    ): Boolean {
        lock.withLock {
            if (ended) return true
            if (notifications >= capacity && !force && !makeRoom(notification)) {
                refused = policy == BufferPolicy.WAIT
                if (!refused) counters.dropped(1) // the same payload is there already
                return !refused
            }
            events.addLast(notification)
            notifications++
        }
        arrived.trySend(Unit)
        return true
    }

    fun gap(
        lostAt: Instant,
        restoredAt: Instant,
        reason: String,
    ) {
        lock.withLock {
            if (ended) return
            val before = events.lastOrNull()
            if (before is Gap) events.removeLast()
            events.addLast(Gap(channel, (before as? Gap)?.lostAt ?: lostAt, restoredAt, reason))
        }
        arrived.trySend(Unit)
    }

    /** The next event, or null after [end] when all are taken. */
    suspend fun take(): NotifierEvent? {
        while (true) {
            poll()?.let { return it }
            if (lock.withLock { ended && events.isEmpty() }) break
            arrived.receive()
        }
        failure?.let { throw it }
        return null
    }

    private fun poll(): NotifierEvent? {
        var roomMade = false
        val event =
            lock.withLock {
                events.removeFirstOrNull().also {
                    if (it is Notification) {
                        notifications--
                        roomMade = refused
                        refused = false
                    }
                }
            }
        if (roomMade) onRoom()
        if (event is Notification) counters.delivered()
        return event
    }

    /** Nothing more comes in; [take] hands out what is left, then ends, with [failure] if there is one. */
    fun end(failure: Throwable? = null) {
        lock.withLock {
            if (ended) return
            ended = true
            this.failure = failure
        }
        arrived.trySend(Unit)
        onRoom()
    }

    /** [end] without handing out what is left. */
    fun discard() {
        lock.withLock {
            events.clear()
            notifications = 0
        }
        end()
    }

    private fun makeRoom(coming: Notification): Boolean {
        if (policy == BufferPolicy.WAIT) return false
        if (policy == BufferPolicy.COALESCE) {
            if (events.any { it is Notification && it.payload == coming.payload }) return false
            removeRepeated()
        }
        if (notifications == capacity) dropOldest()
        return true
    }

    private fun removeRepeated() {
        val seen = HashSet<String>()
        val before = events.size
        events.removeAll { it is Notification && !seen.add(it.payload) }
        val removed = before - events.size
        notifications -= removed
        counters.dropped(removed)
    }

    private fun dropOldest() {
        val index = events.indexOfFirst { it is Notification }
        val dropped = events.removeAt(index) as Notification
        notifications--
        counters.dropped(1)
        val before = events.getOrNull(index - 1) as Gap?
        val gap = Gap(channel, before?.lostAt ?: dropped.receivedAt, dropped.receivedAt, "buffer of $capacity full")
        if (before == null) events.add(index, gap) else events[index - 1] = gap
    }
}
