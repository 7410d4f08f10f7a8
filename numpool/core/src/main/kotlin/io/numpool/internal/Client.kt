package io.numpool.internal

import io.numpool.Finding
import io.numpool.Numpool
import io.numpool.NumpoolClosedException
import io.numpool.NumpoolException
import io.numpool.NumpoolListener
import io.numpool.NumpoolMode
import io.numpool.PoolConflictException
import io.numpool.PoolDeletedException
import io.numpool.PoolNotFoundException
import io.numpool.PoolSummary
import io.numpool.ResourcePool
import io.numpool.SessionNotFoundException
import io.numpool.SessionStatus
import io.numpool.internal.store.Caller
import io.numpool.internal.store.PoolRow
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.sql.Connection
import java.util.Collections
import java.util.WeakHashMap
import kotlin.time.toKotlinDuration

/** The public face of an [Engine]. */
internal class Client(
    val engine: Engine,
    private val opening: Opening,
) : Numpool {
    /** Weak: one through which nobody waits and nothing is held is its user's alone. */
    private val views: MutableSet<PoolView> = Collections.synchronizedSet(Collections.newSetFromMap(WeakHashMap()))
    private val closing = Mutex()

    override val name get() = engine.options.name
    override val session: Long get() = engine.sessions.current?.id ?: 0
    override val mode: NumpoolMode get() = engine.mode
    override val modeReason: String? get() = engine.listener?.modeReason
    val counters get() = engine.counters

    override suspend fun pool(id: String): ResourcePool {
        checkId(id)
        val row = pooled(id, "pool '$id'") { engine.store.findPool(it, id) }
        if (row.deleted()) throw PoolDeletedException(id)
        return view(id, row)
    }

    override suspend fun pool(
        id: String,
        capacity: Int,
        metadata: Any?,
    ): ResourcePool {
        checkId(id)
        checkCapacity(capacity)
        val node = Json.write(metadata)
        val row = ordered(id, "pool '$id'") { c, caller -> engine.store.createPool(c, caller, id, capacity, node) }
        if (row.capacity() != capacity) throw PoolConflictException(id, capacity, row.capacity())
        return view(id, row)
    }

    private fun view(
        id: String,
        row: PoolRow,
    ): PoolView {
        engine.checkOpen()
        val lane = engine.lane(PoolRef(row.number(), id), engine.hooks)
        return PoolView(this, engine, lane, row).also {
            views += it
            engine.hooks.joined(lane.use)
        }
    }

    override suspend fun pools(prefix: String): List<PoolSummary> =
        call("the list of pools") { engine.store.list(it, prefix) }.also(engine::heard)

    override suspend fun deletePool(
        id: String,
        force: Boolean,
    ) {
        checkId(id)
        val row = pooled(id, "pool '$id'") { engine.store.findPool(it, id) }
        var calls = 0
        val told =
            try {
                ordered(id, "delete of pool '$id'") { c, caller ->
                    calls++
                    engine.store.delete(c, caller, row.number(), force)
                }
            } catch (e: PoolNotFoundException) {
                if (calls < 2) throw e
                emptyList() // deleted by an earlier call, whose answer was lost
            }
        engine.announceDeleted(row.number(), told)
        engine.gone(row.number())
    }

    override suspend fun sessions(): List<SessionStatus> = call("the list of sessions") { engine.store.sessions(it) }

    override suspend fun inspect(): List<Finding> = call("the inspection") { engine.store.inspect(it) }

    override suspend fun evictSession(session: Long): Int {
        engine.checkOpen()
        val evicted =
            engine.order("evict of session $session", {
                if (it ==
                    Kind.NO_SESSION
                ) {
                    SessionNotFoundException(session)
                } else {
                    null
                }
            }) { c, caller ->
                engine.store.evictSession(c, caller, session, name)
            }
        engine.announceEvicted(evicted)
        return evicted.size
    }

    override fun addListener(listener: NumpoolListener) {
        if (!engine.hooks.add(listener)) throw NumpoolClosedException("numpool '$name'")
    }

    override fun removeListener(listener: NumpoolListener) = engine.hooks.remove(listener)

    override suspend fun listen() {
        engine.checkOpen()
        opening.listen(engine)
    }

    override suspend fun cleanup() {
        engine.checkOpen()
        opening.dropSchema { shutdown() }
    }

    override suspend fun shutdown() =
        withContext(NonCancellable) {
            closing.withLock {
                try {
                    engine.close(views.snapshot())
                } finally {
                    opening.closeOwn()
                }
            }
        }

    override fun close() = runBlocking { shutdown() }

    fun forget(view: PoolView) {
        views -= view
    }

    /** A call about one pool, made until it is answered. */
    suspend fun <T> pooled(
        id: String,
        what: String,
        call: (Connection) -> T,
    ): T = call(what, { absent(it, id) }, call)

    /** The same, of a call that changes something. */
    private suspend fun <T> ordered(
        id: String,
        what: String,
        call: (Connection, Caller) -> T,
    ): T {
        engine.checkOpen()
        return engine.order(what, { absent(it, id) }, call)
    }

    private fun absent(
        kind: Kind,
        id: String,
    ) = when (kind) {
        Kind.NO_POOL -> PoolNotFoundException(id)
        Kind.DELETED -> PoolDeletedException(id)
        else -> null
    }

    private suspend fun <T> call(
        what: String,
        special: (Kind) -> NumpoolException? = { null },
        call: (Connection) -> T,
    ): T {
        engine.checkOpen()
        return engine.persistently(what, engine.options.openTimeout.toKotlinDuration(), special, call)
    }
}
