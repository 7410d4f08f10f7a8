package io.numpool.notify.internal

import kotlinx.coroutines.CompletableDeferred
import java.sql.Connection
import java.util.concurrent.atomic.AtomicBoolean

/** Something to do on the LISTEN connection. Either begun once or abandoned before. */
internal class Errand<T>(
    val limitNanos: Long,
    private val block: (Connection) -> T,
) {
    val result = CompletableDeferred<T>()
    private val taken = AtomicBoolean()

    fun abandon(): Boolean = taken.compareAndSet(false, true)

    /** Runs it unless abandoned, and returns what went wrong. */
    fun run(connection: Connection): Throwable? {
        if (!taken.compareAndSet(false, true)) return null
        val outcome = runCatching { block(connection) }
        outcome.fold(result::complete, result::completeExceptionally)
        return outcome.exceptionOrNull()
    }

    fun fail(cause: Throwable) {
        if (abandon()) result.completeExceptionally(cause)
    }
}
