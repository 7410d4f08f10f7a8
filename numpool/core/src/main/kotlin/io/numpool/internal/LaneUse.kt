package io.numpool.internal

import io.numpool.PoolUse
import java.util.concurrent.atomic.AtomicInteger

/** What a client knows of a pool: the whole as it last heard, its own share as it is. */
internal class LaneUse(
    override val pool: String,
) : PoolUse {
    @Volatile override var capacity = 0

    @Volatile override var held = 0
        private set

    @Volatile override var waiting = 0
        private set

    private val ownHolds = AtomicInteger()
    private val ownWaits = AtomicInteger()

    /** By [System.nanoTime]; null when nothing was heard or asked yet. */
    @Volatile private var askedNanos: Long? = null

    /** The pool is deleted. Set under the lock of [Hooks]. */
    @Volatile var isOver = false

    override val ownHeld get() = ownHolds.get()
    override val ownWaiting get() = ownWaits.get()

    fun heard(
        capacity: Int,
        held: Int,
        waiting: Int,
    ) {
        this.capacity = capacity
        this.held = held
        this.waiting = waiting
        asked(System.nanoTime())
    }

    fun asked(now: Long) {
        askedNanos = now
    }

    fun isOlder(
        thanNanos: Long,
        now: Long,
    ) = askedNanos.let { it == null || now - it > thanNanos }

    fun holds() {
        ownHolds.incrementAndGet()
    }

    fun holdsNoMore() {
        ownHolds.decrementAndGet()
    }

    fun waits() {
        ownWaits.incrementAndGet()
    }

    fun waitsNoMore() {
        ownWaits.decrementAndGet()
    }
}
