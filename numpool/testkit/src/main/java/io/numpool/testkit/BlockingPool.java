package io.numpool.testkit;

/**
 * A pool whose fairness is to be judged, with functions that block: see {@link FairnessProperty}. Called by several threads at once.
 *
 * @param <R> what stands for a held slot
 */
public interface BlockingPool<R> extends AutoCloseable {
    /**
     * How many can hold a slot at a time.
     *
     * @return at least 1
     */
    int capacity();

    /**
     * How many clients, such as processes or connections, share the pool here.
     *
     * @return at least 1
     */
    default int clients() {
        return 1;
    }

    /**
     * Waits its turn for a slot. An interrupt makes it leave the queue.
     *
     * @param client who asks, from 0
     * @return the slot held
     * @throws InterruptedException when interrupted, with no slot held
     */
    R acquire(int client) throws InterruptedException;

    /**
     * Gives a slot back.
     *
     * @param resource as it was acquired
     */
    void release(R resource);

    /**
     * How many requests stand in the queue now.
     *
     * @return a count over all clients
     */
    int waiting();

    /**
     * Which slot it is: two that are held at a time must not be equal.
     *
     * @param resource as it was acquired
     * @return such as its number
     */
    Object slot(R resource);

    /** Called at the end of each program, with nothing held and nobody waiting. */
    @Override
    void close();
}
