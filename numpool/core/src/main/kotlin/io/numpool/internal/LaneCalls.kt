package io.numpool.internal

import io.numpool.internal.store.ExchangeAnswer
import io.numpool.internal.store.ExchangeCall
import io.numpool.internal.store.Polled
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind

/** A lane's calls to the database, each made until it is answered, or the session is lost. */
internal class LaneCalls(
    private val pool: PoolRef,
    private val engine: Engine,
    private val reach: Reach,
) {
    /** The answer; null when the session is lost. Throws what it would not help to try again. */
    suspend fun exchange(
        mine: Session,
        call: ExchangeCall,
        items: Int,
    ): Sent? {
        var retry = false
        return persist(mine, changes = true) { epoch, unknown ->
            if (unknown) retry = true
            engine.counters.calls.increment()
            engine.counters.items.add(items.toLong())
            engine.bridge.run { engine.store.exchange(it, mine.id, epoch, pool.number, retry, call) }
        }?.let { Sent(it, retry) }
    }

    /** What the session holds, and where it waits; null when it is lost. */
    suspend fun poll(mine: Session): Polled? =
        persist(mine, changes = false) { _, _ -> engine.bridge.run { engine.store.poll(it, mine.id, pool.number) } }

    /**
     * Makes a call until it is answered, waiting while the database is away. After an unknown outcome of one that [changes] something the
     * epoch is raised first, once for all lanes, so that the call that may still be on its way does nothing; and until it is known what that
     * call did, a refusal is no answer.
     */
    private suspend fun <T> persist(
        mine: Session,
        changes: Boolean,
        call: suspend (Long, Boolean) -> T,
    ): T? {
        val backoff = Backoff()
        var unknown = false
        var outdated = false
        var epoch = mine.epoch
        while (mine.lostBecause == null) {
            try {
                if (outdated) engine.sessions.raiseEpoch(mine, epoch)
                outdated = false
                epoch = mine.epoch
                val answer = call(epoch, unknown)
                reach.found()
                return if (mine.lostBecause == null) answer else null
            } catch (e: StoreException) {
                when (e.kind()) {
                    Kind.DEAD -> {
                        engine.sessions.lose(mine, "the database declared its session dead")
                    }

                    Kind.OLD_EPOCH -> {
                        outdated = true
                    }

                    Kind.BUSY -> {
                        reach.lose(e)
                        engine.unblock()
                    }

                    Kind.UNKNOWN -> {
                        unknown = changes
                        outdated = changes
                        reach.lose(e)
                    }

                    Kind.UNREACHABLE -> {
                        reach.lose(e)
                    }

                    else -> {
                        if (!unknown || e.kind() == Kind.NO_POOL) {
                            reach.found()
                            throw e
                        }
                        reach.lose(e)
                    }
                }
                backoff.pause()
            }
        }
        return null
    }
}

/** The answer of one call, which may have been made more than once. */
internal class Sent(
    val answer: ExchangeAnswer,
    val retried: Boolean,
)
