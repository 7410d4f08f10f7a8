package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLRecoverableException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.ThreadFactory
import java.util.concurrent.TimeUnit
import kotlin.time.Duration

/**
 * Aborts the connection under an operation that takes too long: nothing else frees a read on a dead network.
 * Looking every [tickNanos] is cheaper than a timer per operation; it bites at most that much late.
 */
internal class Watchdog(
    tickNanos: Long,
    private val threads: ThreadFactory,
    private val report: (Throwable) -> Unit,
) : AutoCloseable {
    private class Watch(
        val connection: Connection,
        val deadline: Long,
    )

    private val aborting = ConcurrentHashMap.newKeySet<Thread>()
    private val watches = ConcurrentHashMap.newKeySet<Watch>()

    @Volatile
    private var closed = false
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
        if (closed) bite(watch)
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
        val now = System.nanoTime()
        for (watch in watches) {
            if (now - watch.deadline < 0) continue
            try {
                bite(watch)
            } catch (e: Throwable) {
                // No thread to be had: it tries again at the next look.
                report(e)
            }
        }
    }

    private fun bite(watch: Watch) {
        if (!watches.remove(watch)) return
        try {
            onThread { watch.connection.abort(Runnable::run) }
        } catch (e: Throwable) {
            watches += watch
            throw e
        }
    }

    /** [abortNow] that doesn't wait: a TLS socket may have to, for whoever is stuck in writing to it. */
    fun abort(connection: Connection): Unit = onThread(connection::abortNow)

    private fun onThread(abort: () -> Unit) {
        val thread =
            threads.newThread {
                try {
                    abort()
                } catch (e: Throwable) {
                    report(e)
                } finally {
                    aborting -= Thread.currentThread()
                }
            }
        aborting += thread
        try {
            thread.start()
        } catch (e: Throwable) {
            aborting -= thread
            throw e
        }
    }

    /** Aborts what is still under way: nobody would look after it. */
    override fun close() {
        closed = true
        scheduler.shutdownNow()
        watches.forEach(::bite)
    }

    /** Of its own thread, and of aborts that don't hang. */
    fun awaitEnd(patience: Duration) {
        val deadline = System.nanoTime() + patience.inWholeNanoseconds
        scheduler.awaitTermination(patience.inWholeNanoseconds, TimeUnit.NANOSECONDS)
        for (thread in aborting) {
            val left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())
            if (left > 0) thread.join(left)
        }
    }

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
