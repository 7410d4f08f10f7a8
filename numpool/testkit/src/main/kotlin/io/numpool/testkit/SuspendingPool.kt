package io.numpool.testkit

/**
 * A pool whose fairness is to be judged, with functions that suspend: see [FairnessProperty]. Called concurrently.
 *
 * @param R what stands for a held slot
 */
public interface SuspendingPool<R : Any> : AutoCloseable {
    /** How many can hold a slot at a time, at least 1. */
    public val capacity: Int

    /** How many clients, such as processes or connections, share the pool here, at least 1. */
    public val clients: Int

    /** Waits its turn for a slot, on behalf of a [client] from 0 on. Cancellation makes it leave the queue. */
    public suspend fun acquire(client: Int): R

    /** Gives a slot back. */
    public suspend fun release(resource: R)

    /** How many requests of all clients stand in the queue now. */
    public suspend fun waiting(): Int

    /** Which slot it is, such as its number: two that are held at a time must not be equal. */
    public fun slot(resource: R): Any

    /** Called at the end of each program, with nothing held and nobody waiting. */
    override fun close()
}
