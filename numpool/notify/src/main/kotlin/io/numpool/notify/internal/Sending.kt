package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import java.sql.Connection

/** How the way out comes by a connection. One use at a time; blocks. */
internal interface Sending : AutoCloseable {
    fun <T> use(block: (Connection) -> T): T

    companion object {
        fun through(connections: ConnectionProvider): Sending =
            if (connections.pooled) BorrowedConnection(connections) else KeptConnection(connections)
    }
}

/** A pool's connection, for each use another. */
private class BorrowedConnection(
    private val connections: ConnectionProvider,
) : Sending {
    override fun <T> use(block: (Connection) -> T): T = connections.open().use(block)

    override fun close() {}
}

/** Keeps one connection, because opening one for each use is dear. */
private class KeptConnection(
    private val connections: ConnectionProvider,
) : Sending {
    @Volatile
    private var kept: Connection? = null

    @Volatile
    private var closed = false
    private var usedNanos = 0L

    override fun <T> use(block: (Connection) -> T): T {
        val connection = usable() ?: connections.open().also { kept = it }
        try {
            return block(connection).also { usedNanos = System.nanoTime() }
        } catch (e: Throwable) {
            discard()
            throw e
        } finally {
            if (closed) discard()
        }
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
