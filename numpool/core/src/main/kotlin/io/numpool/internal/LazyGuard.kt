package io.numpool.internal

import io.numpool.PoolDeletedException
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import kotlin.time.toKotlinDuration

/** The one-slot pool behind `withLock`, looked up when it is first needed. */
internal class LazyGuard(
    private val engine: Engine,
    private val guarded: PoolRef,
) {
    @Volatile private var lane: Lane? = null

    suspend fun lane(): Lane = lane ?: find().also { lane = it }

    private suspend fun find(): Lane {
        val number =
            engine.persistently(
                "lock of pool '${guarded.id}'",
                engine.options.openTimeout.toKotlinDuration(),
                { if (it == Kind.NO_POOL) PoolDeletedException(guarded.id) else null },
            ) { engine.store.guardPool(it, guarded.number) }
        return engine.lane(PoolRef(number, guarded.id, guards = guarded.number), Hooks(emptyList()))
    }
}
