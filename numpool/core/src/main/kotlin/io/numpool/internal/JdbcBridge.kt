package io.numpool.internal

import io.numpool.NumpoolException
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.withContext
import org.slf4j.LoggerFactory
import java.sql.Connection
import java.sql.SQLException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executor
import javax.sql.DataSource

/**
 * The one place where JDBC blocks a thread: at most `connections` calls at a time, each on a connection of its own in autocommit, held for
 * the call only. What has begun is not cancelled half way; a call that takes longer than [callMillis] has its connection aborted by
 * [watch], since an interrupt never frees a read that is stuck.
 */
internal class JdbcBridge(
    private val dataSource: DataSource,
    connections: Int,
    private val callMillis: Long,
) {
    private val log = LoggerFactory.getLogger(JdbcBridge::class.java)
    private val threads = Dispatchers.IO.limitedParallelism(connections, "numpool-store")
    private val inFlight = ConcurrentHashMap<Connection, Long>()

    /** The default here is not READ COMMITTED: each call sets it first. Learned from the server's refusal. */
    @Volatile private var isolate = false

    /** Throws [StoreException]; UNREACHABLE when nothing was sent. */
    suspend fun <T> run(call: (Connection) -> T): T = withContext(NonCancellable) { withContext(threads) { blocking(call) } }

    /** Blocks a thread, without a connection. */
    suspend fun offload(task: () -> Unit) = withContext(NonCancellable) { withContext(threads) { task() } }

    private fun <T> blocking(call: (Connection) -> T): T {
        val connection = connect()
        try {
            return guarded(connection, call)
        } finally {
            try {
                connection.close()
            } catch (e: SQLException) {
                log.debug("Closing a connection after a call failed", e) // the call's own outcome stands
            }
        }
    }

    private fun <T> guarded(
        connection: Connection,
        call: (Connection) -> T,
    ): T {
        val autoCommit = enter(connection)
        inFlight[connection] = System.nanoTime()
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
            inFlight.remove(connection)
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
        } catch (e: SQLException) {
            throw StoreException(Kind.UNREACHABLE, e)
        }

    private fun restore(
        connection: Connection,
        setting: (Connection) -> Unit,
    ) {
        try {
            if (!connection.isClosed) setting(connection)
        } catch (e: SQLException) {
            log.debug("A connection could not be set back as it was", e)
        }
    }

    /** Aborts calls that take too long, until cancelled. */
    suspend fun watch() {
        while (currentCoroutineContext().isActive) {
            delay(callMillis / 4)
            val now = System.nanoTime()
            inFlight.forEach { (connection, since) -> if (now - since > callMillis * 1_000_000) abort(connection) }
        }
    }

    /** Aborts everything in flight: what it was for is lost. */
    fun abortCalls() = inFlight.keys.forEach(::abort)

    private fun abort(connection: Connection) {
        try {
            connection.abort(DIRECTLY)
        } catch (e: SQLException) {
            log.debug("A connection could not be aborted", e)
        }
    }

    private companion object {
        val DIRECTLY = Executor { it.run() }
    }
}
