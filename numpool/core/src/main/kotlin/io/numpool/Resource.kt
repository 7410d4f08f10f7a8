package io.numpool

import org.jooq.DSLContext
import java.sql.Connection
import java.sql.SQLException
import kotlin.time.Duration

/** What became of a granted slot. */
public enum class ResourceState {
    /** It is this process's, until the session's deadline at least. */
    HELD,

    /** It was given back. */
    RELEASED,

    /**
     * It was taken away: the session died, the pool was deleted, it was evicted, or a server that lost its last commits knows nothing of it.
     */
    LOST,
}

/**
 * A granted slot of a pool. Safe to share between threads.
 *
 * No lease service can stop a process that ignores its deadline: what must not happen twice is guarded by [fence], or by [token], which grows
 * with every grant of the pool.
 */
public interface Resource : AutoCloseable {
    /** Id of the pool. */
    public val pool: String

    /** The slot: 0-based, below the capacity that the pool had at the grant. */
    public val index: Int

    /** The fencing token: greater than that of every earlier grant of this pool, and of all pools that bore its name before. */
    public val token: Long

    /** The label given to `acquire`. */
    public val label: String?

    /** Whether the slot is still held. Compares clocks: true only while the database can not yet have given the slot away. */
    public val isHeld: Boolean

    /** What became of it, as far as is known here. */
    public val state: ResourceState

    /** Time since the grant arrived here, to the end of the hold. */
    public val heldFor: Duration

    /**
     * Gives the slot back and waits until the database has it; retried until the session's deadline. A second call does nothing and has
     * the same outcome. Cancelling the wait does not undo the release.
     *
     * @return [ResourceState.RELEASED], or [ResourceState.LOST] when it was no longer held
     */
    public suspend fun release(): ResourceState

    /**
     * Makes sure, in the transaction that [connection] is in, that nobody who got this slot later has done the same: passes when no higher
     * token was seen for this slot, remembers this one, and holds off others who fence it until the transaction ends. Blocks for a round trip,
     * and for as long as another transaction holds its fence. What the transaction writes is then done before anything that a later holder
     * writes after a fence of its own, or not at all.
     *
     * @throws StaleTokenException when a higher token was seen; the transaction is aborted then
     * @throws ResourceLostException when the slot is known here to be lost; nothing was sent
     * @throws IllegalStateException when it was released, or [connection] is in autocommit: there would be no transaction to guard
     * @throws SQLException what else the database or the driver says, as it is
     */
    @Throws(SQLException::class)
    public fun fence(connection: Connection)

    /** [fence] in jOOQ's transaction. */
    public fun fence(dsl: DSLContext): Unit = dsl.connection { fence(it) }

    /** Waits until the slot is lost, and says why; null when it was given back instead. */
    public suspend fun awaitLost(): ResourceLostException?

    /** Gives the slot back without waiting for the database; ordered before every later call of this client on the pool. */
    override fun close()
}
