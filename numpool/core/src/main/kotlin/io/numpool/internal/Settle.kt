package io.numpool.internal

import io.numpool.ResourceState

/**
 * What was settled here and is to be told to the database: a slot was given back, or went to the client's next ticket at once, or a place in
 * the queue was left.
 */
internal class Settle private constructor(
    /** Under which the slot was held; or of the place, the first of them. */
    val ticket: Long,
    slot: Int,
    next: Long,
    /** Of a place that is left: how many it asked for. */
    val slots: Int,
    private val ended: Held?,
) {
    /** -1 for a place that is left. */
    var slot = slot
        private set

    /** The ticket that has the slot now; 0: it was given back. */
    var next = next
        private set

    /** That it belongs to; itself when it is no part of another. */
    private var head = this

    private var isDone = false

    val isCancel get() = slot < 0
    val isHandOver get() = next != 0L

    operator fun contains(other: Long) = other - ticket in 0L until slots || (isHandOver && other == next)

    /** [before] handed the slot over to this one's ticket: together they are one, and the ticket in between is one that waits no more. */
    private fun follow(before: Settle) {
        before.next = next
        head = before
        slot = -1
        next = 0
    }

    fun answered(isDone: Boolean) {
        this.isDone = isDone
    }

    /** After all of a call were [answered]: stale in a [retry] is what the first call, whose answer was lost, has done. */
    fun complete(retry: Boolean) {
        ended?.outcome?.complete(if (retry || head.isDone) ResourceState.RELEASED else ResourceState.LOST)
    }

    /** The slot that went to [next] was not the caller's any more. */
    val isDisowned get() = isHandOver && !isDone

    fun complete(with: ResourceState) {
        ended?.outcome?.complete(with)
    }

    companion object {
        fun release(held: Held) = Settle(held.token, held.index, 0, 1, held)

        /** Nobody here has it. */
        fun release(
            ticket: Long,
            slot: Int,
        ) = Settle(ticket, slot, 0, 1, null)

        fun cancel(
            ticket: Long,
            slots: Int = 1,
        ) = Settle(ticket, -1, 0, slots, null)

        fun handOver(
            held: Held,
            next: Long,
        ) = Settle(held.token, held.index, next, 1, held)

        /** What happened one after the other to one slot becomes one thing, since a call names each slot and each ticket once. */
        fun join(settles: List<Settle>) {
            if (settles.none { it.isHandOver }) return
            val bySlot = HashMap<Int, Settle>()
            for (it in settles) {
                if (it.isCancel) continue
                val before = bySlot[it.slot]
                if (before != null && before.next == it.ticket) it.follow(before) else bySlot[it.slot] = it
            }
        }
    }
}
