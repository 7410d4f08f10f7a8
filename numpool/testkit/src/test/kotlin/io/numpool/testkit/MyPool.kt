package io.numpool.testkit

import kotlinx.coroutines.CompletableDeferred

/** A pool in memory, fair unless told otherwise. */
internal class MyPool(
    slots: Int,
    private val fault: Fault = Fault.NONE,
) : SuspendingPool<MyPool.Held> {
    enum class Fault { NONE, LAST_FIRST, DOUBLE_GRANT, ONE_TOO_MANY, WAKES_THE_DEAD, NEWCOMER_STEALS }

    class Held(
        val slot: Int,
        val token: Long,
    )

    private class Place(
        val ticket: Long,
    ) {
        val granted = CompletableDeferred<Held>()
    }

    override val capacity = slots
    override val clients = 3
    private val free = ArrayDeque((0 until if (fault == Fault.ONE_TOO_MANY) slots + 1 else slots).toList())
    private val queue = ArrayDeque<Place>()
    private var tickets = 0L
    private var releases = 0

    override suspend fun acquire(client: Int): Held {
        val place = enter()
        try {
            return place.granted.await()
        } catch (left: Throwable) {
            leave(place)
            throw left
        }
    }

    override suspend fun release(resource: Held) =
        synchronized(this) {
            releases++
            free.addLast(if (fault == Fault.DOUBLE_GRANT && releases % 3 == 0) (resource.slot + 1) % capacity else resource.slot)
            grant()
        }

    override suspend fun waiting(): Int = synchronized(this) { queue.size }

    override fun slot(resource: Held): Any = resource.slot

    override fun close() = Unit

    private fun enter() =
        synchronized(this) {
            val place = Place(++tickets)
            if (fault == Fault.NEWCOMER_STEALS && queue.isNotEmpty() && releases > 0) queue.addFirst(place) else queue.addLast(place)
            grant()
            place
        }

    private fun leave(place: Place) =
        synchronized(this) {
            if (fault != Fault.WAKES_THE_DEAD) queue.remove(place)
        }

    private fun grant() {
        while (free.isNotEmpty() && queue.isNotEmpty()) {
            val next = if (fault == Fault.LAST_FIRST) queue.removeLast() else queue.removeFirst()
            next.granted.complete(Held(free.removeFirst(), next.ticket))
        }
    }
}
