package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withContext
import java.sql.Connection
import java.sql.SQLException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes

/** How the way out comes by a connection. One use at a time. */
internal sealed class Sending(
    private val guard: Guard,
) : AutoCloseable {
    /** What every use has in common: [limit] is how long it may take, a connection that it has; [connectLimit] how long opening one of its own may. */
    class Guard(
        val opener: Opener,
        val watchdog: Watchdog,
        val io: CoroutineDispatcher,
        val connectLimit: Duration,
        val limit: Duration,
    )

    /** What [block] leaves uncommitted is rolled back. */
    abstract suspend fun <T> use(block: (Connection) -> T): T

    protected suspend fun <T> run(
        connection: Connection,
        block: (Connection) -> T,
    ): T =
        runInterruptible(guard.io) {
            guard.watchdog.guard(connection, guard.limit.inWholeNanoseconds) {
                try {
                    block(connection).also { if (!connection.autoCommit) connection.rollback() }
                } catch (e: Throwable) {
                    connection.rollBackAfter(e)
                    throw e
                }
            }
        }

    private fun Connection.rollBackAfter(failure: Throwable) {
        try {
            if (!isClosed && !autoCommit) rollback()
        } catch (e: SQLException) {
            failure.addSuppressed(e)
        }
    }

    companion object {
        fun through(
            connections: ConnectionProvider,
            guard: Guard,
        ): Sending = if (connections.pooled) BorrowedConnection(guard) else KeptConnection(connections, guard)
    }
}

/** A pool's connection, for each use another. */
private class BorrowedConnection(
    private val guard: Guard,
) : Sending(guard) {
    override suspend fun <T> use(block: (Connection) -> T): T {
        val connection = guard.opener.open(LONGEST_WAIT)
        var failure: Throwable? = null
        try {
            return run(connection, block)
        } catch (e: Throwable) {
            failure = e
            throw e
        } finally {
            withContext(NonCancellable + guard.io) { giveBack(connection, failure) }
        }
    }

    private fun giveBack(
        connection: Connection,
        failure: Throwable?,
    ) {
        try {
            connection.close()
        } catch (e: SQLException) {
            failure?.addSuppressed(e) ?: throw e
        }
    }

    override fun close() {}

    private companion object {
        /** A pool has its own limit, and a shorter one; a DataSource that has none must not hold up everything for ever. */
        val LONGEST_WAIT = 1.minutes
    }
}

/** Keeps one connection, because opening one for each use is dear. */
private class KeptConnection(
    private val connections: ConnectionProvider,
    private val guard: Guard,
) : Sending(guard) {
    @Volatile
    private var kept: Connection? = null

    @Volatile
    private var closed = false
    private var usedNanos = 0L

    override suspend fun <T> use(block: (Connection) -> T): T {
        val connection = usable() ?: open()
        try {
            return run(connection, block).also { usedNanos = System.nanoTime() }
        } catch (e: Throwable) {
            discard()
            throw e
        } finally {
            if (closed) discard()
        }
    }

    private suspend fun open(): Connection {
        if (closed) throw SQLException("closed", "08003")
        return guard.opener.open(guard.connectLimit).also {
            kept = it
            // who sends has a watchdog
            it.setNetworkTimeout(Runnable::run, 0)
        }
    }

    private suspend fun usable(): Connection? {
        val connection = kept ?: return null
        if (System.nanoTime() - usedNanos < TRUSTED_NANOS) return connection
        if (runInterruptible(guard.io) { connections.isValid(connection) }) return connection
        discard()
        return null
    }

    private fun discard() {
        val connection = kept
        kept = null
        connection?.let(guard.watchdog::abort)
    }

    override fun close() {
        closed = true
        discard()
    }

    private companion object {
        const val TRUSTED_NANOS = 500_000_000L
    }
}
