package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.future.await
import kotlinx.coroutines.withTimeoutOrNull
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLTimeoutException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.ThreadFactory
import kotlin.time.Duration

/**
 * Opens connections within a limit, whatever the driver does meanwhile: on a thread of its own, since nothing interrupts a driver that waits
 * for an answer on a dead network, and a dispatcher's threads may all be taken. One opening at a time.
 */
internal class Opener(
    private val connections: ConnectionProvider,
    private val threads: ThreadFactory,
    private val most: Int = 8,
) {
    /** Openings that nobody waits for any more, oldest first: with [most] of them the next one begins when one has ended. */
    private val abandoned = ConcurrentLinkedQueue<Job>()

    suspend fun open(limit: Duration): Connection {
        val opened = CompletableFuture<Connection>()
        val ended = CompletableDeferred<Unit>()
        var thread: Thread? = null
        var taken = false
        try {
            val connection =
                withTimeoutOrNull(limit) {
                    awaitRoom()
                    thread = threads.newThread { open(opened, ended) }.apply { start() }
                    opened.await()
                } ?: throw SQLTimeoutException("no connection within $limit", "08001")
            taken = true
            return connection
        } finally {
            if (!taken) thread?.let { abandon(it, opened, ended) }
        }
    }

    /** A driver that hangs for ever takes [most] threads, not more. */
    private suspend fun awaitRoom() {
        abandoned.removeIf { it.isCompleted }
        if (abandoned.size >= most) abandoned.element().join()
    }

    private fun open(
        opened: CompletableFuture<Connection>,
        ended: CompletableDeferred<Unit>,
    ) {
        try {
            val connection = connections.open()
            if (!opened.complete(connection)) {
                Thread.interrupted()
                connection.closeQuietly()
            }
        } catch (e: CancellationException) {
            // A provider's own: it must not pass for the caller's.
            opened.completeExceptionally(SQLException("opening a connection was cancelled: ${e.message}", e))
        } catch (e: Throwable) {
            opened.completeExceptionally(e)
        } finally {
            ended.complete(Unit)
        }
    }

    private fun abandon(
        thread: Thread,
        opened: CompletableFuture<Connection>,
        ended: Job,
    ) {
        abandoned += ended
        when {
            opened.cancel(false) -> thread.interrupt()
            !opened.isCompletedExceptionally -> opened.get().closeQuietly()
        }
    }

    /** Of the openings that were abandoned. */
    suspend fun awaitEnd(patience: Duration) {
        withTimeoutOrNull(patience) { abandoned.forEach { it.join() } }
    }
}
