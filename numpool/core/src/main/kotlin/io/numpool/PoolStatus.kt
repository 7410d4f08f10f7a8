package io.numpool

import java.time.Instant

/** A pool in a listing, as of one moment. */
@JvmRecord
public data class PoolSummary(
    /** Id of the pool. */
    val id: String,
    /** Number of slots. */
    val capacity: Int,
    /** Slots held; more than [capacity] for a while after the pool was made smaller. */
    val held: Int,
    /** Places in the queue. */
    val waiting: Int,
)

/** A process that takes part. */
@JvmRecord
public data class Participant(
    /** Its session in the database. */
    val session: Long,
    /** The name given to its client. */
    val application: String,
    /** Its host. */
    val host: String,
    /** Its process id on that host. */
    val pid: Long,
)

/** Who holds a slot. */
@JvmRecord
public data class Holder(
    /** The slot, 0-based. */
    val index: Int,
    /** The fencing token of the grant. */
    val token: Long,
    /** What the holder said it is for. */
    val label: String?,
    /** When it was granted, by the database's clock. */
    val since: Instant,
    /** The holder. */
    val who: Participant,
)

/** Who waits for a slot. */
@JvmRecord
public data class Waiter(
    /** Its ticket; the lowest is first, and becomes the token of the grant. */
    val ticket: Long,
    /** What the waiter said it is for. */
    val label: String?,
    /** Since when it waits, by the database's clock. */
    val since: Instant,
    /** The waiter. */
    val who: Participant,
)

/** A pool with its holders and its queue, all of one moment. */
@JvmRecord
public data class PoolStatus(
    /** Id of the pool. */
    val id: String,
    /** Number of slots. */
    val capacity: Int,
    /** Who holds which slot, by index. */
    val holders: List<Holder>,
    /** Who waits, first in line first. */
    val queue: List<Waiter>,
) {
    /** Slots held; more than [capacity] for a while after the pool was made smaller. */
    public fun held(): Int = holders.size

    /** Slots that could be granted now. */
    public fun free(): Int = capacity - holders.count { it.index < capacity }

    /** Places in the queue. */
    public fun waiting(): Int = queue.size
}
