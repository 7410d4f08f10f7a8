package io.numpool

import io.numpool.internal.JdbcUrl
import io.numpool.internal.Opening
import javax.sql.DataSource

/**
 * One process's client: a session in the database, and the pools it takes part in. Open one per process and database, and close it.
 *
 * A slot that is held or waited for costs no connection. A call to the database borrows one of the `DataSource` for as long as it takes, at
 * most [NumpoolOptions.storeConnections] at a time. One more listens as long as the client is open: made by the settings of a
 * `HikariDataSource` or a `DataSource` of pgjdbc's, lent by any other for good. And one is borrowed for a moment now and then, to see whether
 * notifications arrive; while the schema is migrated, three in all.
 */
public interface Numpool : AutoCloseable {
    /** The name under which operators see this client. */
    public val name: String

    /** The session's number in the database; another one after a loss, 0 while there is none. */
    public val session: Long

    /** How this client learns of grants by others, now. */
    public val mode: NumpoolMode

    /** Why LISTEN does not work here, when [mode] is [NumpoolMode.POLL_ONLY] for that; null else. */
    public val modeReason: String?

    /**
     * The pool with this [id].
     *
     * @throws PoolNotFoundException when there is none
     * @throws PoolDeletedException when it is deleted and its slots are not back yet
     */
    public suspend fun pool(id: String): ResourcePool

    /**
     * Gets or creates a pool.
     *
     * @param id 1–100 printable characters
     * @param capacity 1–8,192 slots
     * @param metadata anything that Jackson can write, or null; taken at creation only
     * @throws PoolConflictException when it exists with another capacity
     * @throws PoolDeletedException when one of that name is deleted and its slots are not back yet
     */
    public suspend fun pool(
        id: String,
        capacity: Int,
        metadata: Any? = null,
    ): ResourcePool

    /** The pools whose ids begin with [prefix], by id; `%` and `_` are characters like any other. */
    public suspend fun pools(prefix: String = ""): List<PoolSummary>

    /**
     * Deletes a pool: its waiters fail with [PoolDeletedException] at once, its holders' resources become lost, at the latest a session's
     * TTL later. The name is free when all slots are back, and the block of `withLock` that runs has ended.
     *
     * @param force do not wait for the slots to come back. Unsafe: a pool made under the same name grants slots that are still in use.
     * @throws PoolNotFoundException when there is none
     */
    public suspend fun deletePool(
        id: String,
        force: Boolean = false,
    )

    /** The processes that take part, this one included, oldest session first. */
    public suspend fun sessions(): List<SessionStatus>

    /**
     * Asks for all slots back that a session holds, in all pools, as [ResourcePool.evict] does. The session itself goes on, and so do its
     * places in queues.
     *
     * @return how many slots it was asked for
     * @throws SessionNotFoundException when there is no such session, or it is dead
     */
    public suspend fun evictSession(session: Long): Int

    /**
     * Tells [listener] from now on what happens in this client, and first of the pools in which it takes part. Does nothing when it is told
     * already.
     *
     * @throws NumpoolClosedException when this client is closed
     */
    public fun addListener(listener: NumpoolListener)

    /** Tells [listener] nothing any more, but for what it is being told at this moment. Does nothing when it was not added. */
    public fun removeListener(listener: NumpoolListener)

    /**
     * Looks for damage in the tables, and for what the reapers of all processes together should have cleared up by now; nothing when all is
     * well. Of one moment, so what others are doing meanwhile is not found. Reads all tables (a second or so for 100,000 slots), changes
     * nothing, waits for no lock.
     *
     * @throws StoreUnavailableException when the database does not answer within the open timeout
     */
    public suspend fun inspect(): List<Finding>

    /** Starts the listener, when `startListening` was off; does nothing when it runs. Waits until it listens, or is known not to. */
    public suspend fun listen()

    /**
     * Drops the whole schema, with all pools, and closes this client. For tests and uninstalling.
     *
     * @throws IllegalStateException when the schema holds objects that are not numpool's; nothing is dropped then
     */
    public suspend fun cleanup()

    /** Like [close], without blocking a thread. */
    public suspend fun shutdown()

    /**
     * Ends the session: acquires that wait fail with [NumpoolClosedException], blocks of `withResource` are cancelled and waited for,
     * what is held is given back, no thread or connection stays.
     * Blocks, for the close timeout at most. Closing twice is fine. The `DataSource` given to [open] stays open.
     */
    override fun close()

    public companion object {
        /**
         * Opens a client on [dataSource]: migrates when asked to, opens a session, starts the listener.
         *
         * @throws StoreUnavailableException when the database cannot be reached within the open timeout; what a migration takes is not counted
         * @throws StoreAccessDeniedException when it refuses
         * @throws SchemaMissingException when it is not migrated, and may not be or Flyway is not there
         * @throws SchemaTooNewException when it was migrated by a newer version
         * @throws io.numpool.db.MigrationException when Flyway refuses to migrate, such as after a migration that somebody has edited
         */
        public suspend fun open(
            dataSource: DataSource,
            configure: NumpoolOptions.Builder.() -> Unit = {},
        ): Numpool = Opening(dataSource, NumpoolOptions.builder().apply(configure).build()).open()

        /**
         * Like the other, on connections of its own to a `jdbc:postgresql:`, `postgres://` or `postgresql://` [url], whose parameters are those
         * of pgjdbc.
         *
         * @throws IllegalStateException when HikariCP is not on the class path
         */
        public suspend fun open(
            url: String,
            user: String? = null,
            password: String? = null,
            configure: NumpoolOptions.Builder.() -> Unit = {},
        ): Numpool = Opening(JdbcUrl.parse(url, user, password), NumpoolOptions.builder().apply(configure).build()).open()
    }
}
