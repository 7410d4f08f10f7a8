package io.numpool.testkit

import kotlinx.coroutines.CompletableDeferred

/** A pool in memory, fair unless told otherwise. */
internal class QueuedPool(
    override val capacity: Int,
    private val fault: Fault = Fault.NONE,
) : SuspendingPool<Int> {
    enum class Fault { NONE, LAST_FIRST, DOUBLE_GRANT, ONE_TOO_MANY, WAKES_THE_DEAD, NEWCOMER_STEALS }

    override val clients = 3
    private val free = ArrayDeque((0 until slots()).toList())
    private val queue = ArrayDeque<CompletableDeferred<Int>>()
    private var releases = 0

    override suspend fun acquire(client: Int): Int {
        val place = CompletableDeferred<Int>()
        enter(place)
        try {
            return place.await()
        } catch (left: Throwable) {
            leave(place)
            throw left
        }
    }

    override suspend fun release(resource: Int) =
        synchronized(this) {
            releases++
            free.addLast(if (fault == Fault.DOUBLE_GRANT && releases % 3 == 0) (resource + 1) % capacity else resource)
            grant()
        }

    override suspend fun waiting(): Int = synchronized(this) { queue.size }

    override fun slot(resource: Int): Any = resource

    override fun close() = Unit

    private fun slots() = if (fault == Fault.ONE_TOO_MANY) capacity + 1 else capacity

    private fun enter(place: CompletableDeferred<Int>) =
        synchronized(this) {
            if (fault == Fault.NEWCOMER_STEALS && queue.isNotEmpty() && releases > 0) queue.addFirst(place) else queue.addLast(place)
            grant()
        }

    private fun leave(place: CompletableDeferred<Int>) =
        synchronized(this) {
            if (fault != Fault.WAKES_THE_DEAD) queue.remove(place)
        }

    private fun grant() {
        while (free.isNotEmpty() && queue.isNotEmpty()) {
            val next = if (fault == Fault.LAST_FIRST) queue.removeLast() else queue.removeFirst()
            next.complete(free.removeFirst())
        }
    }
}
