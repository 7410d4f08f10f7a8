package io.numpool

import com.fasterxml.jackson.databind.JsonNode
import kotlinx.coroutines.flow.Flow
import java.util.UUID
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * A pool of numbered slots, shared by all processes that use the same database and id. Waiting is first come, first served over all of
 * them. Safe to share between threads.
 */
public interface ResourcePool : AutoCloseable {
    /** Its id. */
    public val id: String

    /** Number of slots, as last heard. */
    public val capacity: Int

    /** Its metadata as last read by this client; null when it has none. */
    public val metadata: JsonNode?

    /**
     * Whether a slot that is given back here goes to this client's own next waiter at once, when no other process has an earlier one: without
     * a round trip, and in the same order. The database is told by the next call. Set, it counts for the whole client, from the next slot on.
     * At first as [NumpoolOptions.handOver] says.
     */
    public var handOver: Boolean

    /**
     * Waits for a slot, first come first served over all processes. While the database is away it goes on waiting. A cancelled acquire
     * leaves the queue, and gives the slot back if it was granted meanwhile.
     *
     * Take what it returns before anything that may drop a value: `async`, `withTimeout`, `withContext` and `coroutineScope` drop that of
     * their block when they are cancelled at its very end, and with it the slot, which then stays held until the client or this pool is
     * closed. [timeout] is safe, and so is [withResource] inside any of them.
     *
     * @param timeout how long to wait; 0 tries once. Not negative.
     * @param label what it is for, shown to operators; at most 200 characters
     * @param requestId makes the acquire idempotent: while a slot is held or waited for under this id, the same id gets the same; the first
     * who closes it gives it back for all
     * @throws AcquireTimeoutException when no slot was free in time
     * @throws StoreUnavailableException when the time was up while the database was away
     * @throws PoolDeletedException when the pool is deleted
     * @throws NumpoolClosedException when the client or this pool is closed
     * @throws IllegalStateException when another process uses [requestId]
     */
    public suspend fun acquire(
        timeout: Duration = Duration.INFINITE,
        label: String? = null,
        requestId: UUID? = null,
    ): Resource

    /**
     * Waits for several slots at once: all of them or none, in one place of the queue, so that two who ask for several cannot block each
     * other. While it is first in line it lets nobody behind go first, even if fewer slots would do for them. Their tokens follow each other.
     *
     * @param slots 1 to the pool's capacity
     * @throws CapacityExceededException when the pool has fewer slots, or is made so small while this waits
     * @throws IllegalStateException when [requestId] is in use with another number of slots
     * @see acquire for the rest
     */
    public suspend fun acquire(
        slots: Int,
        timeout: Duration = Duration.INFINITE,
        label: String? = null,
        requestId: UUID? = null,
    ): ResourceGroup

    /** A slot if one is free and nobody waits; else null, at once. It never overtakes. Throws what [acquire] throws. */
    public suspend fun tryAcquire(
        label: String? = null,
        requestId: UUID? = null,
    ): Resource?

    /** Several slots if they are free and nobody waits; else null, at once. Throws what [acquire] of several throws. */
    public suspend fun tryAcquire(
        slots: Int,
        label: String? = null,
        requestId: UUID? = null,
    ): ResourceGroup?

    /**
     * Waits for a slot, runs [block] with it, and gives it back whatever happens, when [block] has ended. When the slot is lost, or the client
     * or this pool closed, [block] is cancelled.
     *
     * @throws ResourceLostException when the slot was lost before [block] ended
     * @throws NumpoolClosedException when the client or this pool was closed before [block] ended
     */
    public suspend fun <T> withResource(
        timeout: Duration = Duration.INFINITE,
        label: String? = null,
        block: suspend (Resource) -> T,
    ): T

    /** Like [withResource], for [slots] slots at once. When one of them is lost, [block] is cancelled. */
    public suspend fun <T> withResources(
        slots: Int,
        timeout: Duration = Duration.INFINITE,
        label: String? = null,
        block: suspend (ResourceGroup) -> T,
    ): T

    /** Runs [block] when no other client of this pool runs one so: exclusive for the pool, not for a slot, and independent of its slots. */
    public suspend fun <T> withLock(
        timeout: Duration = Duration.INFINITE,
        block: suspend () -> T,
    ): T

    /**
     * Changes the number of slots, 1–8,192. New slots are granted at once; slots at or above a smaller capacity stay with their holders
     * and are not granted again; another client that hands them on among its own callers hears of it with its next call. Who waits for more slots at once than there are left fails with [CapacityExceededException].
     */
    public suspend fun resize(capacity: Int)

    /**
     * Asks for a slot back, for operators: its holder, whichever process it is, sees its resource lost, within moments, or when it next renews its
     * session (a third of its TTL). The slot goes on when the holder has closed it (in `withResource`: when the block has ended), at the
     * latest one TTL of the holder's after the order. Asking twice changes nothing.
     *
     * @param index the slot
     * @return false when nobody holds it; then nothing was done
     * @throws IllegalArgumentException when the pool has no such slot
     */
    public suspend fun evict(index: Int): Boolean

    /** Holders and queue, of one moment. */
    public suspend fun status(): PoolStatus

    /** Who waits, first in line first. */
    public suspend fun queue(): List<Waiter>

    /** The status now, and whenever it is seen to have changed, asked every [interval]. */
    public fun statuses(interval: Duration = 1.seconds): Flow<PoolStatus>

    /** Its metadata as last read, as a [type]; null when it has none. */
    public fun <T : Any> metadata(type: Class<T>): T?

    /**
     * Sets the metadata unless another changed them to something else since this client last read them.
     *
     * @throws MetadataConflictException with what they are now, which then counts as read
     */
    public suspend fun updateMetadata(value: Any?)

    /** Reads metadata and capacity anew. */
    public suspend fun refresh()

    /**
     * Closes this view of the pool: its acquires that wait fail with [NumpoolClosedException], what was acquired through it is given back.
     * The pool itself, and other views of it, stay. Does not wait. Closing twice is fine.
     */
    override fun close()
}

/** Its metadata as last read, as a [T]; null when it has none. */
public inline fun <reified T : Any> ResourcePool.metadata(): T? = metadata(T::class.java)
