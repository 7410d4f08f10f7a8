package io.numpool.internal

import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourceState
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.DisposableHandle
import java.sql.Connection
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicReference
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/**
 * A slot in use here.
 *
 *     HELD --release, close, abandon by the last taker--> RELEASED --the database says stale--> outcome LOST
 *      |
 *      +----the session is lost, the pool is deleted----> LOST
 *
 * One compare-and-set leaves HELD; everybody else comes too late and gets the same outcome.
 */
internal class Held(
    private val lane: Lane,
    val session: Session,
    override val index: Int,
    override val token: Long,
    override val label: String?,
    takers: Int,
) : Resource {
    private val grantedNanos = System.nanoTime()

    @Volatile private var endedNanos = 0L
    private val current = AtomicReference(ResourceState.HELD)
    private val takers = AtomicInteger(takers)

    /** Completed by the lane when the database has the release, or by the loss. */
    val outcome = CompletableDeferred<ResourceState>()
    private val loss = CompletableDeferred<ResourceLostException?>()

    /** Set before [loss] is completed. */
    @Volatile private var lossCause: ResourceLostException? = null

    override val pool get() = lane.pool.id

    override val isHeld get() = current.get() == ResourceState.HELD && session.isAlive

    override val state: ResourceState
        get() = current.get().let { if (it == ResourceState.HELD && !session.isAlive) ResourceState.LOST else it }

    override val heldFor: Duration
        get() = ((if (current.get() == ResourceState.HELD) System.nanoTime() else endedNanos) - grantedNanos).nanoseconds

    override suspend fun release(): ResourceState {
        close()
        return outcome.await()
    }

    override fun fence(connection: Connection) {
        when (state) {
            ResourceState.RELEASED -> throw IllegalStateException("$this was released: there is nothing left to fence")
            ResourceState.LOST -> throw lossCause ?: ResourceLostException(pool, index, token, "its deadline passed")
            ResourceState.HELD -> lane.fence(this, connection)
        }
    }

    override suspend fun awaitLost(): ResourceLostException? = loss.await()

    override fun close() {
        if (end(ResourceState.RELEASED)) {
            lane.release(this)
        }
    }

    /** Given back with the whole session, not by a call of its own. */
    fun giveUp() {
        end(ResourceState.RELEASED)
    }

    /** A caller that was to get this slot was cancelled on the way. */
    fun abandon() {
        if (takers.decrementAndGet() == 0) close()
    }

    /** A request id that is in use here was asked for again. Null when the slot is on its way back. */
    fun share(): Held? {
        val before = takers.getAndUpdate { if (it == 0) 0 else it + 1 }
        return takeIf { before > 0 && current.get() == ResourceState.HELD }
    }

    fun lose(
        reason: String,
        giveBack: Boolean = false,
    ) {
        if (!end(ResourceState.LOST)) return
        val exception = ResourceLostException(pool, index, token, reason)
        outcome.complete(ResourceState.LOST)
        if (giveBack) lane.release(this)
        lossCause = exception
        loss.complete(exception)
        lane.hooks.lost(pool, index, token, reason)
    }

    /** Runs [handler] when the slot is lost, at once when it is. */
    fun onLost(handler: (ResourceLostException) -> Unit): DisposableHandle = loss.invokeOnCompletion { lossCause?.let(handler) }

    private fun end(state: ResourceState): Boolean {
        val now = System.nanoTime()
        if (current.get() != ResourceState.HELD) return false
        endedNanos = now
        if (!current.compareAndSet(ResourceState.HELD, state)) return false
        if (state == ResourceState.RELEASED) {
            loss.complete(null)
            lane.hooks.released(pool, index, token, heldFor)
        }
        return true
    }

    override fun toString() = "slot $index of pool '$pool' (token $token, $state)"
}
