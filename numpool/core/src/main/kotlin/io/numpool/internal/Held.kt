package io.numpool.internal

import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourceState
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.DisposableHandle
import java.sql.Connection
import java.util.concurrent.atomic.AtomicReference
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/**
 * A slot in use here.
 *
 *     HELD --release, close, abandon by the last taker--> RELEASED --the database says stale--> outcome LOST
 *      |
 *      +----the session is lost---------------------------> LOST
 *      +----the pool is deleted, the slot is evicted------> LOST, and given back when it is closed
 *
 * One compare-and-set leaves HELD; everybody else comes too late and gets the same outcome.
 */
internal class Held(
    private val lane: Lane,
    val session: Session,
    override val index: Int,
    override val token: Long,
    override val label: String?,
    /** The token under which this client was granted the slot, when it was handed over since; else its own. */
    val rootToken: Long = token,
) : Resource {
    private val grantedNanos = System.nanoTime()

    @Volatile private var endedNanos = 0L
    private val current = AtomicReference(Phase.HELD)

    private enum class Phase(
        val state: ResourceState,
    ) {
        HELD(ResourceState.HELD),
        RELEASED(ResourceState.RELEASED),
        LOST(ResourceState.LOST),

        /** To be given back when its user has let go of it. */
        OWED(ResourceState.LOST),
    }

    /** Those it was granted with, and itself. Set before it is handed out. */
    lateinit var group: Group

    /** Completed by the lane when the database has the release, or by the loss. */
    val outcome = CompletableDeferred<ResourceState>()
    private val loss = CompletableDeferred<ResourceLostException?>()

    init {
        lane.use.holds()
    }

    /** Set before [loss] is completed. */
    @Volatile private var lossCause: ResourceLostException? = null

    /** To be released rather than handed over: its user lost it. */
    val isOwed get() = current.get().state == ResourceState.LOST

    val isGivenBack get() = current.get() == Phase.RELEASED

    val poolNumber get() = lane.pool.number
    override val pool get() = lane.pool.id

    /** Neither given back nor lost, as far as was seen. */
    val isOpen get() = current.get() == Phase.HELD

    override val isHeld get() = isOpen && session.isAlive

    override val state: ResourceState
        get() = current.get().state.let { if (it == ResourceState.HELD && !session.isAlive) ResourceState.LOST else it }

    override val heldFor: Duration
        get() = ((if (isOpen) System.nanoTime() else endedNanos) - grantedNanos).nanoseconds

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
        if (end(Phase.RELEASED) || current.compareAndSet(Phase.OWED, Phase.LOST)) lane.release(this)
    }

    /** Given back with the whole session, not by a call of its own. */
    fun giveUp() {
        end(Phase.RELEASED)
    }

    /** [giveBack]: it goes on when its user has closed it. */
    fun lose(
        reason: String,
        giveBack: Boolean = false,
    ) {
        if (!end(if (giveBack) Phase.OWED else Phase.LOST)) return
        val exception = ResourceLostException(pool, index, token, reason)
        outcome.complete(ResourceState.LOST)
        lossCause = exception
        loss.complete(exception)
        lane.hooks.lost(pool, index, token, reason)
    }

    /** Or is the lock of one of them. */
    fun isOf(pools: Set<Int>) = lane.pool.number in pools || lane.pool.guards in pools

    fun deleted() = lose("the pool was deleted", giveBack = true)

    /** Runs [handler] when the slot is lost, at once when it is. */
    fun onLost(handler: (ResourceLostException) -> Unit): DisposableHandle = loss.invokeOnCompletion { lossCause?.let(handler) }

    private fun end(phase: Phase): Boolean {
        val now = System.nanoTime()
        if (!isOpen) return false
        endedNanos = now
        if (!current.compareAndSet(Phase.HELD, phase)) return false
        lane.use.holdsNoMore()
        if (phase == Phase.RELEASED) {
            loss.complete(null)
            lane.hooks.released(pool, index, token, heldFor)
        }
        return true
    }

    override fun toString() = "slot $index of pool '$pool' (token $token, $state)"
}
