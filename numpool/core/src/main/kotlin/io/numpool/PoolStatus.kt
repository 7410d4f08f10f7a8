package io.numpool

import java.time.Duration
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

/** Who waits, for one slot or for several at once. */
@JvmRecord
public data class Waiter(
    /** Its ticket; the lowest is first, and becomes the token of the grant (for several slots, of the first of them). */
    val ticket: Long,
    /** How many slots it waits for. */
    val slots: Int,
    /** What the waiter said it is for. */
    val label: String?,
    /** Since when it waits, by the database's clock. */
    val since: Instant,
    /** The waiter. */
    val who: Participant,
)

/** What the database knows of a session's life. */
public enum class SessionState {
    /** Its listener connection stands. */
    ATTACHED,

    /** Its listener connection was seen to be gone; after its grace it is declared dead, unless it attaches again. */
    DETACHED,

    /** It has not attached yet, and lives by its renewals. */
    NEVER_ATTACHED,

    /** It does not listen, and lives by its renewals. */
    POLL_ONLY,

    /** Declared dead; what it held is being freed. */
    DEAD,
}

/** A process that takes part, as the database knows it. */
@JvmRecord
public data class SessionStatus(
    /** The process. */
    val who: Participant,
    /** Whether it lives. */
    val state: SessionState,
    /** Without a renewal for so long it is declared dead. */
    val ttl: Duration,
    /** Detached for so long it is declared dead. */
    val grace: Duration,
    /** Since when, by the database's clock. */
    val opened: Instant,
    /** Its last renewal, by the database's clock. */
    val renewed: Instant,
    /** Slots it holds, of all pools. */
    val held: Int,
    /** Places it has in queues, of all pools. */
    val waiting: Int,
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
