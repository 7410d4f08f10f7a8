package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLRecoverableException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.ThreadFactory
import java.util.concurrent.TimeUnit

/**
 * Aborts the connection under an operation that takes too long: nothing else frees a read on a dead network.
 * Looking every [tickNanos] is cheaper than a timer per operation; it bites at most that much late.
 */
internal class Watchdog(
    tickNanos: Long,
    threads: ThreadFactory,
    private val report: (Throwable) -> Unit,
) : AutoCloseable {
    private class Watch(
        val connection: Connection,
        val deadline: Long,
    )

    private val watches = ConcurrentHashMap.newKeySet<Watch>()
    private val scheduler = ScheduledThreadPoolExecutor(1, threads)

    init {
        scheduler.scheduleAtFixedRate(::look, tickNanos, tickNanos, TimeUnit.NANOSECONDS)
    }

    /** Runs [operation]; when it isn't done after [limitNanos], [connection] is aborted and a SQLException says so. */
    fun <T> guard(
        connection: Connection,
        limitNanos: Long,
        operation: () -> T,
    ): T {
        val watch = Watch(connection, System.nanoTime() + limitNanos.coerceAtMost(Long.MAX_VALUE / 4))
        watches += watch
        try {
            return operation()
        } catch (e: SQLException) {
            if (watch in watches) throw e
            throw SQLRecoverableException("no answer within ${limitNanos / 1_000_000} ms, connection aborted", "08006", e)
        } finally {
            watches -= watch
        }
    }

    private fun look() {
        for (watch in watches) {
            if (System.nanoTime() - watch.deadline < 0 || !watches.remove(watch)) continue
            try {
                watch.connection.abort(Runnable::run)
            } catch (e: SQLException) {
                report(e)
            }
        }
    }

    override fun close() {
        scheduler.shutdownNow()
    }

    fun awaitEnd(nanos: Long): Boolean = scheduler.awaitTermination(nanos, TimeUnit.NANOSECONDS)

    companion object {
        /** Late by an eighth of the shortest that it watches over. */
        fun of(
            options: NotifierOptions,
            report: (Throwable) -> Unit,
        ): Watchdog {
            val shortest = minOf(options.pingTimeout, options.publishTimeout).toNanos()
            val tick = (shortest / 8).coerceIn(TimeUnit.MILLISECONDS.toNanos(5), TimeUnit.SECONDS.toNanos(1))
            return Watchdog(tick, NotifierThreads(options.name, "watchdog"), report)
        }
    }
}
