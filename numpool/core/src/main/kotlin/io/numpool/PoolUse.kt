package io.numpool

/**
 * A pool as one client knows it, live: each read tells what the client knows then, at once, and asks nobody.
 *
 * What concerns the whole pool is **as last heard**: from the answer to this client's last call for it. While there is none and the client has a
 * [NumpoolListener], it asks by itself, so that these figures are about a third of the session's TTL old at most (10 s by default) while the
 * database answers. Every client tells of the whole: those figures don't add up. The client's own are exact, and do.
 */
public interface PoolUse {
    /** Id of the pool. */
    public val pool: String

    /** Number of slots, as last heard. */
    public val capacity: Int

    /** Slots held by all clients, as last heard; more than [capacity] for a while after the pool was made smaller. */
    public val held: Int

    /** Places in the queue, of all clients, as last heard. */
    public val waiting: Int

    /** Slots that this client holds now: granted, and neither given back nor lost. */
    public val ownHeld: Int

    /** Acquires of this client that wait now, those included that have no ticket yet because the database is away. `tryAcquire` never waits. */
    public val ownWaiting: Int
}
