package io.numpool;

import io.numpool.internal.Futures;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;

/**
 * One process's client, for Java. See {@link Numpool}, whose view this is.
 *
 * <p>Futures fail with a {@link NumpoolException}.
 */
public interface NumpoolAsync extends AutoCloseable {
    /**
     * Opens a client at the default settings. Blocks.
     *
     * @param dataSource never closed by numpool
     * @return an open client
     * @throws NumpoolException what {@link Numpool} says
     */
    static NumpoolAsync open(DataSource dataSource) {
        return open(dataSource, NumpoolOptions.defaults());
    }

    /**
     * Opens a client. Blocks, for the open timeout at most, and for what a migration takes.
     *
     * @param dataSource never closed by numpool
     * @param options settings
     * @return an open client
     * @throws NumpoolException what {@link Numpool} says
     */
    static NumpoolAsync open(DataSource dataSource, NumpoolOptions options) {
        return Futures.open(dataSource, options);
    }

    /**
     * Opens a client on connections of its own. Blocks. Needs HikariCP, else it throws an {@link IllegalStateException}. The parameters of a
     * URL of either form are those of pgjdbc.
     *
     * @param url {@code jdbc:postgresql:…} or {@code postgres://user:password@host:port/database}
     * @param options settings
     * @return an open client
     * @throws NumpoolException what {@link Numpool} says
     */
    static NumpoolAsync open(String url, NumpoolOptions options) {
        return Futures.open(url, null, null, options);
    }

    /**
     * Opens a client on connections of its own. Blocks. Needs HikariCP, else it throws an {@link IllegalStateException}. The parameters of a
     * URL of either form are those of pgjdbc.
     *
     * @param url {@code jdbc:postgresql:…} or {@code postgres://host:port/database}
     * @param user the user, or null
     * @param password the password, or null
     * @param options settings
     * @return an open client
     * @throws NumpoolException what {@link Numpool} says
     */
    static NumpoolAsync open(String url, String user, String password, NumpoolOptions options) {
        return Futures.open(url, user, password, options);
    }

    /**
     * The name under which operators see this client.
     *
     * @return the name
     */
    String name();

    /**
     * The session's number in the database; another one after a loss.
     *
     * @return the number, 0 while there is none
     */
    long session();

    /**
     * How this client learns of grants by others, now.
     *
     * @return the mode
     */
    NumpoolMode mode();

    /**
     * Why LISTEN does not work here, when {@link #mode} is {@link NumpoolMode#POLL_ONLY} for that.
     *
     * @return the reason, or empty
     */
    Optional<String> modeReason();

    /**
     * The pool with this id; fails with {@link PoolNotFoundException} when there is none.
     *
     * @param id its id
     * @return the pool
     */
    CompletableFuture<ResourcePoolAsync> pool(String id);

    /**
     * Gets or creates a pool; fails with {@link PoolConflictException} when it has another capacity.
     *
     * @param id 1 to 100 printable characters
     * @param capacity 1 to 8,192 slots
     * @return the pool
     */
    CompletableFuture<ResourcePoolAsync> pool(String id, int capacity);

    /**
     * Gets or creates a pool.
     *
     * @param id 1 to 100 printable characters
     * @param capacity 1 to 8,192 slots
     * @param metadata anything that Jackson can write, or null; taken at creation only
     * @return the pool
     */
    CompletableFuture<ResourcePoolAsync> pool(String id, int capacity, Object metadata);

    /**
     * The pools whose ids begin with a prefix, by id.
     *
     * @param prefix literal
     * @return the pools
     */
    CompletableFuture<List<PoolSummary>> pools(String prefix);

    /**
     * Deletes a pool.
     *
     * @param id its id
     * @param force do not wait for its slots to come back: unsafe
     * @return completes when it is done
     */
    CompletableFuture<Void> deletePool(String id, boolean force);

    /**
     * The processes that take part, this one included, oldest session first.
     *
     * @return the sessions
     */
    CompletableFuture<List<SessionStatus>> sessions();

    /**
     * Asks for all slots back that a session holds, in all pools, as {@link ResourcePoolAsync#evict(int)} does. The session itself goes on.
     *
     * @param session its number
     * @return how many slots it was asked for; fails with {@link SessionNotFoundException} when there is no such session
     */
    CompletableFuture<Integer> evictSession(long session);

    /**
     * Tells a listener from now on what happens in this client, and first of the pools in which it takes part. Does nothing when it is told
     * already.
     *
     * @param listener whom
     * @throws NumpoolClosedException when this client is closed
     */
    void addListener(NumpoolListener listener);

    /**
     * Tells a listener nothing any more, but for what it is being told at this moment. Does nothing when it was not added.
     *
     * @param listener whom
     */
    void removeListener(NumpoolListener listener);

    /**
     * Looks for damage in the tables, and for what the reapers of all processes together should have cleared up by now.
     *
     * @return what was found, nothing when all is well; fails with {@link StoreUnavailableException} when the database does not answer
     */
    CompletableFuture<List<Finding>> inspect();

    /**
     * Starts the listener, when it was not started by open.
     *
     * @return completes when it listens, or is known not to
     */
    CompletableFuture<Void> listen();

    /**
     * Drops the whole schema and closes this client.
     *
     * @return completes when it is done; fails with IllegalStateException when the schema holds what is not numpool's
     */
    CompletableFuture<Void> cleanup();

    /** Ends the session. Blocks, for the close timeout at most. */
    @Override
    void close();
}
