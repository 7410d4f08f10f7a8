package io.numpool

import java.time.Duration

/**
 * Told what happens in one client. Called on the client's own threads, or those of its callers: return soon. What a method throws is logged
 * and goes no further. `withLock` is not told of.
 */
public interface NumpoolListener {
    /** A slot was granted to this client after [waited]. */
    public fun acquired(
        pool: String,
        index: Int,
        token: Long,
        waited: Duration,
    ) {}

    /** A slot was given back after [held]. */
    public fun released(
        pool: String,
        index: Int,
        token: Long,
        held: Duration,
    ) {}

    /** A slot was lost. */
    public fun lost(
        pool: String,
        index: Int,
        token: Long,
        reason: String,
    ) {}

    /** An acquire waits, with this ticket. */
    public fun queued(
        pool: String,
        ticket: Long,
    ) {}

    /** An acquire ran out of time. */
    public fun timedOut(
        pool: String,
        waited: Duration,
    ) {}

    /** This client's reaper freed what a dead session held: [slots] slots of one pool, which this client need not use; a lock counts, too. */
    public fun reclaimed(
        session: Long,
        slots: Int,
    ) {}

    /** The listener connection broke, or the session was lost; null when the cause is not known. */
    public fun disconnected(cause: Throwable?) {}

    /** The session is attached to the listener connection, for the first time or again. Without one: a lost session has its successor. */
    public fun reconnected() {}

    /**
     * From now on the client takes part in a pool. A listener that comes later is told first of those in which it takes part already.
     *
     * @param use what the client knows of it, until [left]
     */
    public fun joined(use: PoolUse) {}

    /** The client learned that the pool of [joined] is deleted, or the client is closed; in both cases after what was lost and released by it. */
    public fun left(use: PoolUse) {}

    /** The client is closed, or could not be opened. Comes last. */
    public fun closed() {}
}
