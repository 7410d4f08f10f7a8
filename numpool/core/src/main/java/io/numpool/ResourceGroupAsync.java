package io.numpool;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Slots that were granted together, for Java: see {@link ResourceGroup}, whose view this is. Each can be given back by itself; {@link #close()}
 * gives back all that are left.
 */
public interface ResourceGroupAsync extends AutoCloseable {
    /**
     * The slots, lowest index first.
     *
     * @return as many as were asked for
     */
    List<ResourceAsync> resources();

    /**
     * Whether all of them are still held.
     *
     * @return true only while the database can not yet have given one of them away
     */
    boolean isHeld();

    /**
     * Gives all of them back; completes when the database has them.
     *
     * @return what became of each, in their order
     */
    CompletableFuture<List<ResourceState>> release();

    /** Gives all of them back without waiting for the database. */
    @Override
    void close();
}
