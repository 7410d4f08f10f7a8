package io.numpool.notify.internal

import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLRecoverableException
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.ThreadFactory
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicReference

/**
 * Aborts the connection under an operation that takes too long: nothing else frees a read on a dead network.
 * One thread, one operation at a time. Looking every [tickNanos] is cheaper than a timer per operation; it bites at
 * most that much late.
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

    private val current = AtomicReference<Watch?>()
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
        current.set(watch)
        try {
            return operation()
        } catch (e: SQLException) {
            if (current.get() === watch) throw e
            throw SQLRecoverableException("no answer within ${limitNanos / 1_000_000} ms, connection aborted", "08006", e)
        } finally {
            current.compareAndSet(watch, null)
        }
    }

    private fun look() {
        val watch = current.get() ?: return
        if (System.nanoTime() - watch.deadline < 0 || !current.compareAndSet(watch, null)) return
        try {
            watch.connection.abort(Runnable::run)
        } catch (e: SQLException) {
            report(e)
        }
    }

    override fun close() {
        scheduler.shutdownNow()
    }

    fun awaitEnd(nanos: Long): Boolean = scheduler.awaitTermination(nanos, TimeUnit.NANOSECONDS)
}
