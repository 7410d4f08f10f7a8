package io.numpool.internal

import kotlinx.coroutines.CompletableDeferred
import java.sql.Connection
import java.util.concurrent.atomic.AtomicReference

/**
 * A call of the [JdbcBridge] whose turn has come.
 *
 *     connecting --has a connection--> calling --> done
 *         |                               '--takes too long, or is called off: its connection is aborted, which ends it
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

    val isAbandoned get() = state.get() == State.ABANDONED

    /** False when it is abandoned. */
    fun begin(on: Connection): Boolean {
        connection = on
        sinceNanos = System.nanoTime()
        return state.compareAndSet(State.CONNECTING, State.CALLING)
    }

    /** False when it has begun. */
    fun abandon(): Boolean = state.compareAndSet(State.CONNECTING, State.ABANDONED)

    /** False when it was abandoned. */
    fun end(): Boolean = state.getAndSet(State.DONE) != State.ABANDONED

    fun connectsLongerThan(millis: Long): Boolean = state.get() == State.CONNECTING && millisInState() > millis

    /** On which it has been calling for so long; else null. */
    fun connectionAfter(millis: Long): Connection? = if (state.get() == State.CALLING && millisInState() >= millis) connection else null

    private fun millisInState() = (System.nanoTime() - sinceNanos) / 1_000_000
}
