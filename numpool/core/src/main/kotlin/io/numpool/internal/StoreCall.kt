package io.numpool.internal

import kotlinx.coroutines.CompletableDeferred
import java.sql.Connection
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference

/**
 * A call of the [JdbcBridge] whose turn has come.
 *
 *     connecting --has a connection--> calling --> done
 *         |                               '--takes too long, or is called off: its connection is aborted, which ends it
 *         |                                   '--if it does not--> abandoned to its thread: nobody knows what came of it
 *         '--takes too long, or is called off--> abandoned to its thread: nothing is sent any more
 */
internal class StoreCall<T>(
    val call: (Connection) -> T,
) {
    private enum class State { CONNECTING, CALLING, ABANDONED, DONE }

    private val state = AtomicReference(State.CONNECTING)
    val result = CompletableDeferred<T>()

    /** When it came into its state. */
    @Volatile private var sinceNanos = System.nanoTime()

    /** Set before it is calling. */
    @Volatile private var connection: Connection? = null

    /** When its connection was to be aborted; 0 before. */
    private val abortedNanos = AtomicLong()

    val isAbandoned get() = state.get() == State.ABANDONED

    /** False when it is abandoned. */
    fun begin(on: Connection): Boolean {
        connection = on
        sinceNanos = System.nanoTime()
        return state.compareAndSet(State.CONNECTING, State.CALLING)
    }

    /** False when it has begun. */
    fun abandon(): Boolean = state.compareAndSet(State.CONNECTING, State.ABANDONED)

    /** False when it has ended. */
    fun giveUp(): Boolean = state.compareAndSet(State.CALLING, State.ABANDONED)

    /** False when it was abandoned. */
    fun end(): Boolean = state.getAndSet(State.DONE) != State.ABANDONED

    fun connectsLongerThan(millis: Long): Boolean = state.get() == State.CONNECTING && millisInState() > millis

    private fun connectionAfter(millis: Long): Connection? =
        if (state.get() == State.CALLING &&
            millisInState() >= millis
        ) {
            connection
        } else {
            null
        }

    /** To be aborted: its connection, when it has been calling for so long; once, else null. */
    fun toAbort(millis: Long): Connection? = connectionAfter(millis)?.takeIf { abortedNanos.compareAndSet(0, System.nanoTime() or 1L) }

    /** It goes on so long after its connection was to be aborted. */
    fun outlivesAbortBy(millis: Long): Boolean =
        state.get() == State.CALLING && abortedNanos.get().let { it != 0L && (System.nanoTime() - it) / 1_000_000 >= millis }

    private fun millisInState() = (System.nanoTime() - sinceNanos) / 1_000_000
}
