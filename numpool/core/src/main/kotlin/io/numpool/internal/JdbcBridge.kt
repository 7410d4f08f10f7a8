package io.numpool.internal

import io.numpool.NumpoolException
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit
import kotlinx.coroutines.withContext
import org.slf4j.LoggerFactory
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLTimeoutException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executor
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import javax.sql.DataSource
import kotlin.concurrent.thread
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext

/**
 * The one place where JDBC blocks a thread: at most `connections` calls at a time, each on a connection of its own in autocommit, held for
 * the call only. What has a connection is not cancelled half way; what waits for its turn or for a connection is, when its caller gives up or
 * [abortCalls] calls it off.
 *
 * Neither an interrupt nor a DataSource's own limit can be relied on to free a thread that is stuck. So a call that takes longer than
 * [callMillis] has its connection aborted by [watch], and is left to its thread when that does not end it. One that gets no connection within
 * [connectMillis] is left to its thread, too, which gives back what it may get in the end. Another thread takes its place.
 */
internal class JdbcBridge(
    private val dataSource: DataSource,
    connections: Int,
    private val callMillis: Long,
    private val connectMillis: Long,
) {
    private val log = LoggerFactory.getLogger(JdbcBridge::class.java)
    private val turns = Semaphore(connections)
    private val threads = Dispatchers.IO.limitedParallelism(connections + MOST_ABANDONED, "numpool-store")
    private val underWay: MutableSet<StoreCall<*>> = ConcurrentHashMap.newKeySet()
    private val abandoned = AtomicInteger()

    /** How often all was called off. */
    private val aborts = AtomicLong()

    /** The default here is not READ COMMITTED: each call sets it first. Learned from the server's refusal. */
    @Volatile private var isolate = false

    /** For who only takes an answer and passes it on: on the thread that has it, without being dispatched in between. */
    val callersContext: CoroutineContext get() = Dispatchers.Unconfined

    /** Some thread waits for a connection that nobody wants any more. */
    val isStuck get() = abandoned.get() > 0

    /** Throws [StoreException]; UNREACHABLE when nothing was sent. */
    suspend fun <T> run(call: (Connection) -> T): T {
        val asked = aborts.get()
        turns.acquire()
        val it = start(StoreCall(call), asked)
        try {
            return it.result.await()
        } catch (e: CancellationException) {
            if (abandon(it, CALLED_OFF)) throw e
            return withContext(NonCancellable) { it.result.await() }
        }
    }

    /** Blocks a thread, without a connection. */
    suspend fun offload(task: () -> Unit) = withContext(NonCancellable) { turns.withPermit { withContext(threads) { task() } } }

    private fun <T> start(
        call: StoreCall<T>,
        asked: Long,
    ): StoreCall<T> {
        underWay += call
        if (aborts.get() != asked) abandon(call, CALLED_OFF) // while it waited for its turn
        threads.dispatch(EmptyCoroutineContext) { work(call) }
        return call
    }

    private fun <T> work(call: StoreCall<T>) {
        val outcome = runCatching { blocking(call) }
        underWay -= call
        if (call.end()) {
            turns.release()
            outcome.fold(call.result::complete, call.result::completeExceptionally)
        } else {
            abandoned.decrementAndGet()
            outcome.onFailure { log.debug("A call that was given up before it was sent", it) }
        }
    }

    private fun <T> blocking(call: StoreCall<T>): T {
        if (call.isAbandoned) throw unsent(CALLED_OFF)
        val connection = connect()
        try {
            if (!call.begin(connection)) throw unsent(CALLED_OFF)
            return guarded(connection, call.call)
        } finally {
            try {
                connection.close()
            } catch (e: Exception) {
                log.debug("Closing a connection after a call failed", e) // the call's own outcome stands
            }
        }
    }

    private fun <T> guarded(
        connection: Connection,
        call: (Connection) -> T,
    ): T {
        val autoCommit = enter(connection)
        val isolating = isolate
        try {
            return if (isolating) isolated(connection, call) else call(connection)
        } catch (e: StoreException) {
            if (e.kind() != Kind.ISOLATION || isolating) throw e
            isolate = true
            return isolated(connection, call)
        } catch (e: NumpoolException) {
            throw e
        } catch (e: RuntimeException) {
            log.warn("A call to the database failed in an unexpected way", e)
            throw StoreException(Kind.UNKNOWN, e)
        } finally {
            if (!autoCommit) leave(connection)
        }
    }

    private fun <T> isolated(
        connection: Connection,
        call: (Connection) -> T,
    ): T {
        val before =
            before { connection.transactionIsolation.also { connection.transactionIsolation = Connection.TRANSACTION_READ_COMMITTED } }
        try {
            return call(connection)
        } finally {
            restore(connection) { it.transactionIsolation = before }
        }
    }

    private fun connect(): Connection =
        try {
            dataSource.connection
        } catch (e: SQLException) {
            val refused = StoreException.of(e)
            throw if (refused.kind() == Kind.DENIED) refused else StoreException(Kind.UNREACHABLE, e)
        } catch (e: RuntimeException) {
            // somebody's DataSource
            throw StoreException(Kind.UNREACHABLE, e)
        }

    private fun enter(connection: Connection): Boolean = before { connection.autoCommit.also { if (!it) connection.autoCommit = true } }

    private fun leave(connection: Connection) = restore(connection) { it.autoCommit = false }

    private fun <T> before(setting: () -> T): T =
        try {
            setting()
        } catch (e: Exception) {
            throw StoreException(Kind.UNREACHABLE, e)
        }

    private fun restore(
        connection: Connection,
        setting: (Connection) -> Unit,
    ) {
        try {
            if (!connection.isClosed) setting(connection)
        } catch (e: Exception) {
            log.debug("A connection could not be set back as it was", e)
        }
    }

    /** Ends calls that take too long, until cancelled. */
    suspend fun watch() {
        while (currentCoroutineContext().isActive) {
            delay(minOf(callMillis, connectMillis) / 4)
            for (call in underWay) {
                if (call.connectsLongerThan(connectMillis)) abandon(call, "no connection within $connectMillis ms")
                abort(call, callMillis)
                if (call.outlivesAbortBy(callMillis / 2)) giveUp(call)
            }
        }
    }

    /** Ends everything that is under way or waits for its turn: what it was for is lost. */
    fun abortCalls() {
        aborts.incrementAndGet()
        for (call in underWay) {
            abandon(call, CALLED_OFF)
            abort(call, 0)
        }
    }

    /** False when it has a connection, or when too many are abandoned already: a DataSource that hangs for ever takes so many threads. */
    private fun abandon(
        call: StoreCall<*>,
        reason: String,
    ): Boolean = leave(call, unsent(reason)) { call.abandon() }

    /** A driver that is stuck, in writing over TLS for one, does not notice that its connection was aborted. */
    private fun giveUp(call: StoreCall<*>) {
        val cause = SQLTimeoutException("no end within ${callMillis / 2} ms after its connection was aborted", "08006")
        leave(call, StoreException(Kind.UNKNOWN, cause)) { call.giveUp() }
    }

    private fun leave(
        call: StoreCall<*>,
        outcome: StoreException,
        abandoning: () -> Boolean,
    ): Boolean {
        if (abandoned.incrementAndGet() > MOST_ABANDONED || !abandoning()) {
            abandoned.decrementAndGet()
            return false
        }
        turns.release()
        call.result.completeExceptionally(outcome)
        return true
    }

    private fun unsent(reason: String) = StoreException(Kind.UNREACHABLE, SQLTimeoutException(reason, "08001"))

    /** On a thread of its own: a TLS socket waits for whoever is stuck in writing to it. */
    private fun abort(
        call: StoreCall<*>,
        afterMillis: Long,
    ) {
        val connection = call.toAbort(afterMillis) ?: return
        thread(isDaemon = true, name = "numpool-abort") {
            try {
                connection.abort(DIRECTLY)
            } catch (e: Exception) {
                log.debug("A connection could not be aborted", e)
            }
        }
    }

    private companion object {
        const val MOST_ABANDONED = 8
        const val CALLED_OFF = "called off before it was sent"
        val DIRECTLY = Executor { it.run() }
    }
}
