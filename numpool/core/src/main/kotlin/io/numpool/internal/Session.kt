package io.numpool.internal

import io.numpool.ResourceState
import io.numpool.internal.store.Evicted
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/** This process's sign of life in the database, from its opening to its loss. */
internal class Session(
    val id: Long,
    val channel: String,
    val deadline: Deadline,
) {
    /** Calls of an older epoch do nothing. Raised by the keeper alone. */
    @Volatile var epoch = 0L

    /** Why it was lost; set once, by the keeper. */
    @Volatile var lostBecause: String? = null
        private set

    private val attaches = AtomicLong()

    /** In use, or on the way back. */
    private val held: MutableSet<Held> = ConcurrentHashMap.newKeySet()

    /** The token of the last order to give it back, by pool and slot: a grant may arrive here long after the order. Tokens only rise. */
    private val evicted = ConcurrentHashMap<Pair<Int, Int>, Long>()

    /** Deleted pools, as last heard. */
    @Volatile private var gone: Set<Int> = emptySet()

    fun nextAttach() = attaches.incrementAndGet()

    /** Compares clocks; needs no flag to be set in time. */
    val isAlive get() = lostBecause == null && deadline.remainingMillis() > 0

    fun hold(resource: Held) {
        held += resource
        resource.outcome.invokeOnCompletion { held -= resource }
        lostBecause?.let { resource.lose(it) } // the loss may have come before the first line
        if (resource.isEvicted) resource.evict()
        if (resource.isOf(gone)) resource.deleted()
    }

    /** All that a renewal tells of: from here on nothing of it is used, since a reaper gives it on a ttl after the order. */
    fun evictAll(orders: Collection<Evicted>) {
        if (orders.isEmpty()) return
        orders.forEach { evicted.merge(it.pool() to it.slot(), it.token(), ::maxOf) }
        held.forEach { if (it.isEvicted) it.evict() }
    }

    /** As with evictions: a ttl after a pool was deleted, its name is free for another. */
    fun allGone(pools: Collection<Int>) {
        gone = pools.toSet()
        held.forEach { if (it.isOf(gone)) it.deleted() }
    }

    fun evict(order: Evicted) = evictAll(listOf(order))

    /** The order may name any token under which this client has had the slot since it was granted. */
    private val Held.isEvicted get() = evicted[poolNumber to index]?.let { it in rootToken..token } == true

    /** It was told to give it back. */
    fun wantsBack(resource: Held) = resource.isEvicted

    private fun Held.evict() = lose("an operator evicted it", giveBack = true)

    fun heldNow(): List<Held> = held.snapshot()

    fun lose(
        reason: String,
        releases: ResourceState,
    ) {
        lostBecause = reason
        for (resource in held) {
            resource.lose(reason)
            resource.outcome.complete(releases)
        }
    }
}
