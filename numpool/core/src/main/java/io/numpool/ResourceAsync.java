package io.numpool;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jooq.DSLContext;

/** A granted slot of a pool, for Java. See {@link Resource}; safe to share between threads. */
public interface ResourceAsync extends AutoCloseable {
    /**
     * Id of the pool.
     *
     * @return the id
     */
    String pool();

    /**
     * The slot.
     *
     * @return its number, 0-based
     */
    int index();

    /**
     * The fencing token: greater than that of every earlier grant of the pool.
     *
     * @return the token
     */
    long token();

    /**
     * The label that was given.
     *
     * @return the label
     */
    Optional<String> label();

    /**
     * Whether the slot is still held. Compares clocks.
     *
     * @return true only while the database can not yet have given the slot away
     */
    boolean isHeld();

    /**
     * Time since the grant arrived here, to the end of the hold.
     *
     * @return the time
     */
    Duration heldFor();

    /**
     * What became of it, as far as is known here.
     *
     * @return held, released or lost
     */
    ResourceState state();

    /**
     * Gives the slot back; completes when the database has it. A second call does nothing and has the same outcome.
     *
     * @return released, or lost when it was no longer held
     */
    CompletableFuture<ResourceState> release();

    /**
     * Makes sure, in the transaction that a connection is in, that nobody who got this slot later has done the same. See {@link
     * Resource#fence(Connection)}. Blocks for a round trip, and for as long as another transaction holds its fence.
     *
     * @param connection the caller's, not in autocommit
     * @throws StaleTokenException when a higher token was seen; the transaction is aborted then
     * @throws ResourceLostException when the slot is known here to be lost; nothing was sent
     * @throws IllegalStateException when it was released, or the connection is in autocommit
     * @throws SQLException what else the database or the driver says, as it is
     */
    void fence(Connection connection) throws SQLException;

    /**
     * As {@link #fence(Connection)}, in jOOQ's transaction.
     *
     * @param dsl of the transaction
     */
    void fence(DSLContext dsl);

    /**
     * Completes when the slot is lost, with why; never when it is given back.
     *
     * @return the loss
     */
    CompletableFuture<ResourceLostException> lost();

    /** Gives the slot back without waiting for the database; ordered before every later call of this client on the pool. */
    @Override
    void close();
}
