package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.sql.Connection

/** A notification doesn't survive a crash of the server, so waiting for the disk would gain nothing. */
private const val NOTIFY = "SELECT pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.pg_notify(?, ?)"

/** The way out for notifications; never the LISTEN connection, whose own echo would prove nothing. */
internal interface Outlet : AutoCloseable {
    suspend fun notify(
        channel: String,
        payload: String,
    )

    companion object {
        fun to(
            connections: ConnectionProvider,
            io: CoroutineDispatcher,
        ): Outlet = if (connections.pooled) PooledOutlet(connections, io) else KeptOutlet(connections, io)
    }
}

/** Borrows a connection for each notification. */
private class PooledOutlet(
    private val connections: ConnectionProvider,
    private val io: CoroutineDispatcher,
) : Outlet {
    // Interruptible, because waiting for a pool's connection may take long.
    override suspend fun notify(
        channel: String,
        payload: String,
    ): Unit = runInterruptible(io) { connections.open().use { it.notify(channel, payload) } }

    override fun close() {}
}

/** Keeps one connection, because opening one for each notification is dear. */
private class KeptOutlet(
    private val connections: ConnectionProvider,
    private val io: CoroutineDispatcher,
) : Outlet {
    private val turn = Mutex()

    @Volatile
    private var kept: Connection? = null

    @Volatile
    private var closed = false
    private var usedNanos = 0L

    override suspend fun notify(
        channel: String,
        payload: String,
    ) {
        turn.withLock { runInterruptible(io) { send(channel, payload) } }
    }

    private fun send(
        channel: String,
        payload: String,
    ) {
        val connection = usable() ?: connections.open().also { kept = it }
        try {
            connection.notify(channel, payload)
            usedNanos = System.nanoTime()
        } catch (e: Throwable) {
            discard()
            throw e
        }
        if (closed) discard()
    }

    private fun usable(): Connection? {
        val connection = kept ?: return null
        if (System.nanoTime() - usedNanos < TRUSTED_NANOS || connections.isValid(connection)) return connection
        discard()
        return null
    }

    private fun discard() {
        val connection = kept
        kept = null
        connection?.abortNow()
    }

    override fun close() {
        closed = true
        discard()
    }

    private companion object {
        const val TRUSTED_NANOS = 500_000_000L
    }
}

private fun Connection.notify(
    channel: String,
    payload: String,
) {
    prepareStatement(NOTIFY).use {
        it.setString(1, channel)
        it.setString(2, payload)
        it.execute()
    }
    if (!autoCommit) commit()
}
