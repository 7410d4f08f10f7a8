package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import java.sql.Connection
import java.sql.SQLException
import kotlin.time.Duration

/** A notification doesn't survive a crash of the server, so waiting for the disk would gain nothing. */
private const val NOTIFY_ALL =
    "SELECT pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.count(pg_catalog.pg_notify(channel, payload)) " +
        "FROM ROWS FROM (pg_catalog.unnest(?::pg_catalog.text[]), pg_catalog.unnest(?::pg_catalog.text[])) AS letters(channel, payload)"

/** Of the caller's transaction nothing is changed. */
private const val NOTIFY = "SELECT pg_catalog.pg_notify(?, ?)"

/**
 * The way out for notifications; never the LISTEN connection, whose own echo would prove nothing. What is asked for while a transaction
 * is under way goes together into the next one, in order.
 */
internal class Outlet(
    connections: ConnectionProvider,
    guard: Sending.Guard,
    private val scope: CoroutineScope,
) : AutoCloseable {
    private class Letter(
        val channel: String,
        val payload: String,
    ) {
        val sent = CompletableDeferred<Unit>()
        val text = channel to payload
    }

    private val sending = Sending.through(connections, guard)
    private val turn = Mutex()
    private val letters = Channel<Letter>(Channel.UNLIMITED, onUndeliveredElement = { it.sent.cancel() })
    private lateinit var sender: Job

    fun start() {
        sender = scope.launch { run() }
        sender.invokeOnCompletion { while (true) (letters.tryReceive().getOrNull() ?: break).sent.cancel() }
    }

    /** Returns when it is committed; cancelled before its transaction begins, it is not sent. CancellationException when closed. */
    suspend fun notify(
        channel: String,
        payload: String,
    ) {
        val letter = Letter(channel, payload)
        if (letters.trySend(letter).isFailure || sender.isCompleted) letter.sent.cancel()
        try {
            letter.sent.await()
        } catch (e: CancellationException) {
            letter.sent.cancel(e)
            throw e
        }
    }

    /** Runs [block] within the limit of publishing: then its connection is aborted. Waiting for a connection isn't counted. */
    suspend fun <T> use(block: (Connection) -> T): T = turn.withLock { sending.use(block) }

    private suspend fun run() {
        val waiting = ArrayDeque<Letter>()
        try {
            while (true) {
                if (waiting.isEmpty()) waiting += letters.receiveCatching().getOrNull() ?: return
                while (waiting.size < MOST) waiting += letters.tryReceive().getOrNull() ?: break
                send(waiting.nextBatch())
            }
        } finally {
            waiting.forEach { it.sent.cancel() }
        }
    }

    /** The server sends the same text once a transaction: the second one begins another. */
    private fun ArrayDeque<Letter>.nextBatch(): List<Letter> {
        val batch = LinkedHashMap<Pair<String, String>, Letter>()
        while (isNotEmpty() && first().text !in batch) removeFirst().let { batch[it.text] = it }
        return batch.values.toList()
    }

    private suspend fun send(batch: List<Letter>) {
        if (batch.none { it.sent.isActive }) return
        try {
            use { connection ->
                val wanted = batch.filter { it.sent.isActive }
                if (wanted.isNotEmpty()) connection.notifyAll(wanted)
            }
            batch.forEach { it.sent.complete(Unit) }
        } catch (e: Throwable) {
            if (!currentCoroutineContext().isActive) {
                batch.forEach { it.sent.cancel() }
                throw e
            }
            // A refusal may be due to one of them, and nothing of them was sent.
            if (batch.size > 1 && e.isRefusal()) {
                try {
                    batch.forEach { send(listOf(it)) }
                } finally {
                    batch.forEach { it.sent.cancel() }
                }
            } else {
                // A provider may throw a CancellationException, too: it must not pass for the caller's.
                val cause = if (e is CancellationException) SQLException("sending was cancelled: ${e.message}", e) else e
                batch.forEach { it.sent.completeExceptionally(cause) }
            }
        }
    }

    private fun Connection.notifyAll(batch: List<Letter>) {
        prepareStatement(NOTIFY_ALL).use {
            it.setArray(1, createArrayOf("text", Array(batch.size) { i -> batch[i].channel }))
            it.setArray(2, createArrayOf("text", Array(batch.size) { i -> batch[i].payload }))
            it.execute()
        }
        if (!autoCommit) commit()
    }

    /** Sends what is waiting, for [patience] at most. */
    suspend fun finish(patience: Duration) {
        letters.close()
        withTimeoutOrNull(patience) { sender.join() }
    }

    override fun close() {
        letters.close()
        sending.close()
    }

    private companion object {
        const val MOST = 256
    }
}

/** In the transaction that the connection is in. */
internal fun Connection.notify(
    channel: String,
    payload: String,
) {
    prepareStatement(NOTIFY).use {
        it.setString(1, channel)
        it.setString(2, payload)
        it.execute()
    }
}
