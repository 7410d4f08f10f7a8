package io.numpool

/**
 * Slots that were granted together, lowest index first. Each can be given back by itself; [close] gives back all that are left. Safe to share
 * between threads.
 */
public interface ResourceGroup :
    List<Resource>,
    AutoCloseable {
    /** Whether all of them are still held. */
    public val isHeld: Boolean

    /**
     * Gives all of them back and waits until the database has them, as [Resource.release] does.
     *
     * @return what became of each, in their order
     */
    public suspend fun release(): List<ResourceState>

    /** Gives all of them back without waiting for the database. */
    override fun close()
}
