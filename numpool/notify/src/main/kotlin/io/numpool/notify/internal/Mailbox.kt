package io.numpool.notify.internal

import io.numpool.notify.BufferPolicy
import io.numpool.notify.Gap
import io.numpool.notify.Notification
import io.numpool.notify.NotifierEvent
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
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
    enum class State { WAITING, LISTENING, ENDED }

    private class Entry(
        val event: NotifierEvent,
        val proven: Instant,
    )

    private val mutableState = MutableStateFlow(State.WAITING)

    /** Ended before LISTEN was committed for it, or listening from then on. */
    val state: StateFlow<State> = mutableState.asStateFlow()
    val since: Instant = Instant.now()

    /** The last connection on which LISTEN was confirmed to it. Touched by the listener's thread alone. */
    var confirmedOn: Any? = null

    private val lock = ReentrantLock()
    private val arrived = Channel<Unit>(Channel.CONFLATED)

    // Guarded by lock.
    private val entries = ArrayDeque<Entry>()
    private var notifications = 0
    private var refused = false
    private var ended = false

    /** Why it ended; null when there is nothing wrong. */
    @Volatile
    var failure: Throwable? = null
        private set

    /** LISTEN is committed for it. */
    fun heard() {
        mutableState.compareAndSet(State.WAITING, State.LISTENING)
    }

    /** False when there is no room and the policy is to wait: then [onRoom] is called when there is. With [force] it goes in anyway. */
    fun offer(
        notification: Notification,
        proven: Instant,
        force: Boolean = false,
    ): Boolean {
        lock.withLock {
            if (ended) return true
            if (notifications >= capacity && !force && !makeRoom(notification)) {
                refused = policy == BufferPolicy.WAIT
                if (!refused) counters.dropped(1) // the same payload is there already
                return !refused
            }
            entries.addLast(Entry(notification, proven))
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
            entries.addLast(Entry(Gap(channel, lostAt, restoredAt, reason), lostAt))
            uniteGap(entries.lastIndex)
        }
        arrived.trySend(Unit)
    }

    /** The next event, or null after [end] when all are taken. */
    suspend fun take(): NotifierEvent? {
        while (true) {
            poll()?.let { return it }
            if (lock.withLock { ended && entries.isEmpty() }) break
            arrived.receive()
        }
        failure?.let { throw it }
        return null
    }

    private fun poll(): NotifierEvent? {
        var roomMade = false
        val event =
            lock.withLock {
                entries.removeFirstOrNull()?.event.also {
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
        mutableState.compareAndSet(State.WAITING, State.ENDED)
        arrived.trySend(Unit)
        onRoom()
    }

    /** [end] without handing out what is left. */
    fun discard() {
        lock.withLock {
            entries.clear()
            notifications = 0
        }
        end()
    }

    private fun makeRoom(coming: Notification): Boolean {
        if (policy == BufferPolicy.WAIT) return false
        if (policy == BufferPolicy.COALESCE) {
            if (entries.any { (it.event as? Notification)?.payload == coming.payload }) return false
            removeRepeated()
        }
        if (notifications == capacity) dropOldest()
        return true
    }

    private fun removeRepeated() {
        val seen = HashSet<String>()
        val before = entries.size
        entries.removeAll { it.event is Notification && !seen.add(it.event.payload) }
        val removed = before - entries.size
        notifications -= removed
        counters.dropped(removed)
        uniteGaps()
    }

    private fun dropOldest() {
        val index = entries.indexOfFirst { it.event is Notification }
        val dropped = entries[index]
        val at = (dropped.event as Notification).receivedAt
        entries[index] = Entry(Gap(channel, dropped.proven, at, "buffer of $capacity full"), dropped.proven)
        notifications--
        counters.dropped(1)
        if (index < entries.lastIndex) uniteGap(index + 1)
        uniteGap(index)
    }

    /** Of gaps in a row one is left, from the first loss to the last return. */
    private fun uniteGaps() {
        for (i in entries.lastIndex downTo 1) uniteGap(i)
    }

    /** The one at [index] with the one before it. */
    private fun uniteGap(index: Int) {
        val first = entries.getOrNull(index - 1)?.event as? Gap ?: return
        val second = entries[index].event as? Gap ?: return
        val lostAt = minOf(first.lostAt, second.lostAt)
        entries[index - 1] = Entry(Gap(channel, lostAt, maxOf(first.restoredAt, second.restoredAt), second.reason), lostAt)
        entries.removeAt(index)
    }
}
