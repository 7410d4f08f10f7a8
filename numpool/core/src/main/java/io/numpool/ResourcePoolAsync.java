package io.numpool;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A pool of numbered slots, for Java. See {@link ResourcePool}, whose view this is: the same promises, errors and order.
 *
 * <p>Futures fail with a {@link NumpoolException}. Cancelling one ends what it stands for: an acquire leaves the queue, and gives the slot
 * back if it was granted meanwhile. Dependents without an executor of their own run on numpool's threads and must not block them.
 */
public interface ResourcePoolAsync extends AutoCloseable {
    /**
     * Its id.
     *
     * @return the id
     */
    String id();

    /**
     * Number of slots, as last heard.
     *
     * @return the capacity
     */
    int capacity();

    /**
     * Whether a slot that is given back here goes to this client's own next waiter at once; see {@link ResourcePool}.
     *
     * @return true if so
     */
    boolean handOver();

    /**
     * Switches it for the whole client, from the next slot on.
     *
     * @param value whether slots are handed over
     */
    void handOver(boolean value);

    /**
     * Waits for a slot, however long it takes.
     *
     * @return the slot
     */
    CompletableFuture<ResourceAsync> acquire();

    /**
     * Waits for a slot; fails with {@link AcquireTimeoutException} when its time is up.
     *
     * @param timeout not negative; 0 tries once
     * @return the slot
     */
    CompletableFuture<ResourceAsync> acquire(Duration timeout);

    /**
     * Waits for a slot.
     *
     * @param options timeout, label, request id
     * @return the slot
     */
    CompletableFuture<ResourceAsync> acquire(AcquireOptions options);

    /**
     * A slot if one is free and nobody waits; never waits, never overtakes.
     *
     * @return the slot, or empty
     */
    CompletableFuture<Optional<ResourceAsync>> tryAcquire();

    /**
     * A slot if one is free and nobody waits.
     *
     * @param options label and request id; the timeout is not used
     * @return the slot, or empty
     */
    CompletableFuture<Optional<ResourceAsync>> tryAcquire(AcquireOptions options);

    /**
     * Waits for several slots at once, all of them or none; see {@link ResourcePool}.
     *
     * @param slots 1 to the capacity
     * @return the slots; fails with {@link CapacityExceededException} when the pool has fewer
     */
    CompletableFuture<ResourceGroupAsync> acquire(int slots);

    /**
     * As above.
     *
     * @param slots 1 to the capacity
     * @param options timeout, label, request id
     * @return the slots
     */
    CompletableFuture<ResourceGroupAsync> acquire(int slots, AcquireOptions options);

    /**
     * Several slots if they are free and nobody waits; never waits, never overtakes.
     *
     * @param slots 1 to the capacity
     * @return the slots, or empty
     */
    CompletableFuture<Optional<ResourceGroupAsync>> tryAcquire(int slots);

    /**
     * As above.
     *
     * @param slots 1 to the capacity
     * @param options label and request id; the timeout is not used
     * @return the slots, or empty
     */
    CompletableFuture<Optional<ResourceGroupAsync>> tryAcquire(int slots, AcquireOptions options);

    /**
     * Like {@link #withResource(Function)}, for several slots at once. When one of them is lost, the block's thread is interrupted.
     *
     * @param slots 1 to the capacity
     * @param block may block
     * @param <T> of its value
     * @return the block's value
     */
    <T> CompletableFuture<T> withResources(int slots, Function<? super ResourceGroupAsync, ? extends T> block);

    /**
     * As above.
     *
     * @param slots 1 to the capacity
     * @param options timeout, label; a request id is not allowed
     * @param executor where the block runs
     * @param block may block
     * @param <T> of its value
     * @return the block's value
     */
    <T> CompletableFuture<T> withResources(
            int slots,
            AcquireOptions options,
            Executor executor,
            Function<? super ResourceGroupAsync, ? extends T> block);

    /**
     * Asks for a slot back, for operators: its holder sees its resource lost, and the slot goes on when the holder has closed it, at the latest
     * one TTL of the holder's later. Asking twice changes nothing.
     *
     * @param index the slot
     * @return false when nobody holds it; then nothing was done
     */
    CompletableFuture<Boolean> evict(int index);

    /**
     * Waits for a slot, runs the block with it on {@link CompletableFuture}'s default executor, and gives it back when the block has ended,
     * whatever happens. When the slot is lost, or the future cancelled, the block's thread is interrupted.
     *
     * @param block may block
     * @param <T> of its value
     * @return the block's value; fails with what it threw, or with {@link ResourceLostException}
     */
    <T> CompletableFuture<T> withResource(Function<? super ResourceAsync, ? extends T> block);

    /**
     * As above.
     *
     * @param options timeout, label; a request id is not allowed
     * @param executor where the block runs
     * @param block may block
     * @param <T> of its value
     * @return the block's value
     */
    <T> CompletableFuture<T> withResource(
            AcquireOptions options, Executor executor, Function<? super ResourceAsync, ? extends T> block);

    /**
     * Waits for a slot, calls the block with it on numpool's threads, and gives it back when its stage has completed. When the slot is lost,
     * or the future cancelled, the stage is cancelled.
     *
     * @param options timeout, label; a request id is not allowed
     * @param block must not block
     * @param <T> of its value
     * @return the stage's value
     */
    <T> CompletableFuture<T> withResourceAsync(
            AcquireOptions options, Function<? super ResourceAsync, ? extends CompletionStage<T>> block);

    /**
     * Runs a block when no other client of this pool runs one so, on {@link CompletableFuture}'s default executor.
     *
     * @param block may block
     * @param <T> of its value
     * @return the block's value
     */
    <T> CompletableFuture<T> withLock(Supplier<? extends T> block);

    /**
     * Changes the number of slots.
     *
     * @param capacity 1 to 8,192
     * @return completes when it is done
     */
    CompletableFuture<Void> resize(int capacity);

    /**
     * Holders and queue, of one moment.
     *
     * @return the status
     */
    CompletableFuture<PoolStatus> status();

    /**
     * Who waits, first in line first.
     *
     * @return the queue
     */
    CompletableFuture<List<Waiter>> queue();

    /**
     * The status now, and whenever it is seen to have changed. A slow subscriber misses some, never the newest.
     *
     * @param interval how often it is asked for, greater than 0
     * @return a publisher for any number of subscribers
     */
    Flow.Publisher<PoolStatus> statuses(Duration interval);

    /**
     * Its metadata as last read.
     *
     * @return the metadata, empty when it has none
     */
    Optional<JsonNode> metadata();

    /**
     * Its metadata as last read.
     *
     * @param type what Jackson makes of them
     * @param <T> that type
     * @return the metadata, empty when it has none
     */
    <T> Optional<T> metadata(Class<T> type);

    /**
     * Sets the metadata unless another changed them since this client last read them: then {@link MetadataConflictException}.
     *
     * @param value anything that Jackson can write, or null
     * @return completes when it is done
     */
    CompletableFuture<Void> updateMetadata(Object value);

    /**
     * Reads metadata and capacity anew.
     *
     * @return completes when it is done
     */
    CompletableFuture<Void> refresh();

    /** Closes this view of the pool: its acquires fail with {@link NumpoolClosedException}, what it holds is given back. Does not wait. */
    @Override
    void close();
}
