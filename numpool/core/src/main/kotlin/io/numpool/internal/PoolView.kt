package io.numpool.internal

import com.fasterxml.jackson.databind.JsonNode
import io.numpool.MetadataConflictException
import io.numpool.NumpoolClosedException
import io.numpool.NumpoolException
import io.numpool.PoolDeletedException
import io.numpool.PoolStatus
import io.numpool.Resource
import io.numpool.ResourceGroup
import io.numpool.ResourcePool
import io.numpool.Waiter
import io.numpool.internal.store.Caller
import io.numpool.internal.store.PoolRow
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Job
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.isActive
import kotlinx.coroutines.job
import kotlinx.coroutines.suspendCancellableCoroutine
import java.sql.Connection
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/** One caller's view of a pool: its acquires and what it holds end with [close]; the lane behind it is shared. */
internal class PoolView(
    private val client: Client,
    private val engine: Engine,
    private val lane: Lane,
    row: PoolRow,
) : ResourcePool {
    private class Read(
        val metadata: JsonNode?,
        val version: Long,
    )

    private val waiting: MutableSet<Pending> = ConcurrentHashMap.newKeySet()
    private val held: MutableSet<Held> = ConcurrentHashMap.newKeySet()
    private val blocks: MutableSet<Block> = ConcurrentHashMap.newKeySet()

    @Volatile private var read = Read(row.metadata(), row.metadataVersion())

    @Volatile private var isClosed = false
    private val guard = LazyGuard(engine, lane.pool)

    init {
        lane.capacity = row.capacity()
    }

    override val id get() = lane.pool.id
    override val capacity get() = lane.capacity
    override val metadata get() = read.metadata
    override var handOver by lane::handsOver

    // --- slots

    override suspend fun acquire(
        timeout: Duration,
        label: String?,
        requestId: UUID?,
    ): Resource = askOrFail(lane, 1, timeout, label, requestId).members.single()

    override suspend fun acquire(
        slots: Int,
        timeout: Duration,
        label: String?,
        requestId: UUID?,
    ): ResourceGroup = askOrFail(lane, slots, timeout, label, requestId)

    override suspend fun tryAcquire(
        label: String?,
        requestId: UUID?,
    ): Resource? = ask(lane, 1, Duration.ZERO, true, label, requestId)?.members?.single()

    override suspend fun tryAcquire(
        slots: Int,
        label: String?,
        requestId: UUID?,
    ): ResourceGroup? = ask(lane, slots, Duration.ZERO, true, label, requestId)

    /** A timeout of 0 tries once. */
    private suspend fun askOrFail(
        lane: Lane,
        slots: Int,
        timeout: Duration,
        label: String?,
        requestId: UUID?,
    ): Group {
        require(!timeout.isNegative()) { "timeout $timeout: not negative" }
        val started = System.nanoTime()
        return ask(lane, slots, timeout, timeout == Duration.ZERO, label, requestId) ?: throw lane.timedOut(started, 0)
    }

    private suspend fun ask(
        lane: Lane,
        slots: Int,
        timeout: Duration,
        attempt: Boolean,
        label: String?,
        requestId: UUID?,
    ): Group? {
        checkLabel(label)
        checkSlots(slots)
        val request = Request(requestId ?: UUID.randomUUID(), requestId != null, attempt, label, slots)
        val pending = Pending(request, this, lane)
        checkOpen()
        return suspendCancellableCoroutine { continuation ->
            pending.continuation = continuation
            lane.entered(pending)
            waiting += pending
            continuation.invokeOnCancellation { lane.leave(pending) }
            if (isClosed || engine.isClosed) lane.fail(pending, closed()) else lane.ask(pending, timeout)
        }
    }

    override suspend fun <T> withResource(
        timeout: Duration,
        label: String?,
        block: suspend (Resource) -> T,
    ): T = using(askOrFail(lane, 1, timeout, label, null)) { block(it.members.single()) }

    override suspend fun <T> withResources(
        slots: Int,
        timeout: Duration,
        label: String?,
        block: suspend (ResourceGroup) -> T,
    ): T = using(askOrFail(lane, slots, timeout, label, null), block)

    override suspend fun <T> withLock(
        timeout: Duration,
        block: suspend () -> T,
    ): T {
        require(!timeout.isNegative()) { "timeout $timeout: not negative" }
        checkOpen()
        return using(askOrFail(guard.lane(), 1, timeout, null, null)) { block() }
    }

    /** A loss or a close cancels the block, and that is what the caller hears of then, unless it was itself cancelled. */
    private suspend fun <T> using(
        group: Group,
        block: suspend (Group) -> T,
    ): T {
        val running = Block(group)
        try {
            return coroutineScope {
                running.job = currentCoroutineContext().job
                blocks += running
                if (isClosed || engine.isClosed) running.end(closed())
                val watches = group.members.map { resource -> resource.onLost { running.end(it) } }
                try {
                    currentCoroutineContext().ensureActive() // what was closed or lost meanwhile is not used
                    block(group)
                } finally {
                    watches.forEach { it.dispose() }
                }
            }
        } catch (e: CancellationException) {
            val cause = running.endedBy ?: throw e
            if (!currentCoroutineContext().isActive) throw e
            throw cause
        } finally {
            group.close()
            blocks -= running
        }
    }

    /** What runs with slots; gives them back itself, when it has ended. */
    private class Block(
        val group: Group,
    ) {
        lateinit var job: Job

        @Volatile var endedBy: NumpoolException? = null
            private set

        fun end(cause: NumpoolException) {
            endedBy = cause
            job.cancel(CancellationException(cause.message, cause))
        }
    }

    // --- called by pendings and lanes

    fun settled(pending: Pending) {
        waiting -= pending
    }

    fun hold(resource: Held) {
        held += resource
        resource.outcome.invokeOnCompletion { held -= resource }
        if (isClosed) resource.close()
    }

    /** Who waits fails, blocks are cancelled; what they hold comes back when they have ended. */
    fun end(cause: NumpoolClosedException) {
        waiting.forEach { it.lane.fail(it, cause) }
        blocks.forEach { it.end(cause) }
    }

    suspend fun joinBlocks() = blocks.forEach { it.job.join() }

    // --- the pool

    override suspend fun resize(capacity: Int) {
        checkCapacity(capacity)
        val notices = order("resize of pool '$id'") { c, caller -> engine.store.resize(c, caller, lane.pool.number, capacity) }
        lane.capacity = capacity
        engine.announce(lane.pool.number, notices)
    }

    override suspend fun evict(index: Int): Boolean {
        require(index >= 0) { "index $index: 0 to ${capacity - 1}" }
        val evicted = order("evict of pool '$id'") { c, caller -> engine.store.evict(c, caller, lane.pool.number, index, client.name) }
        engine.announceEvicted(evicted)
        return evicted.isNotEmpty()
    }

    override suspend fun status(): PoolStatus =
        call("status of pool '$id'") { engine.store.status(it, lane.pool.number) }
            ?.also { lane.use.heard(it.capacity, it.held(), it.waiting()) }
            ?: throw PoolDeletedException(id)

    override suspend fun queue(): List<Waiter> = status().queue

    override fun statuses(interval: Duration): Flow<PoolStatus> {
        require(interval.isPositive()) { "interval $interval: greater than 0" }
        return flow {
            while (true) {
                emit(status())
                delay(interval)
            }
        }.distinctUntilChanged()
    }

    override fun <T : Any> metadata(type: Class<T>): T? = read.metadata?.let { Json.read(it, type) }

    override suspend fun updateMetadata(value: Any?) {
        val node = Json.write(value)
        val seen = read.version
        val it = order("metadata of pool '$id'") { c, caller -> engine.store.setMetadata(c, caller, lane.pool.number, seen, node) }
        read = Read(it.value(), it.version())
        if (!it.changed()) throw MetadataConflictException(id, it.value()?.toString())
    }

    override suspend fun refresh() {
        val row = call("pool '$id'") { engine.store.findPool(it, id) }
        if (row.number() != lane.pool.number) throw PoolDeletedException(id)
        read = Read(row.metadata(), row.metadataVersion())
        lane.capacity = row.capacity()
    }

    override fun close() {
        isClosed = true
        end(closed())
        val inBlocks = blocks.flatMapTo(HashSet()) { it.group.members }
        held.forEach { if (it !in inBlocks) it.close() }
        client.forget(this)
    }

    private suspend fun <T> call(
        what: String,
        call: (Connection) -> T,
    ): T {
        checkOpen()
        return engine.persistently(
            what,
            engine.options.openTimeout.toKotlinDuration(),
            { if (it == Kind.NO_POOL || it == Kind.DELETED) PoolDeletedException(id) else null },
            call,
        )
    }

    private suspend fun <T> order(
        what: String,
        call: (Connection, Caller) -> T,
    ): T {
        checkOpen()
        return engine.order(what, ::refused, call)
    }

    private fun refused(kind: Kind): RuntimeException? =
        if (kind == Kind.NO_POOL || kind == Kind.DELETED) PoolDeletedException(id) else null

    private fun checkOpen() {
        engine.checkOpen()
        if (isClosed) throw closed()
    }

    private fun closed() =
        if (engine.isClosed) NumpoolClosedException("numpool '${engine.options.name}'") else NumpoolClosedException("pool '$id'")
}
