package io.numpool.internal

import io.numpool.internal.store.StoreException
import java.util.concurrent.ConcurrentHashMap

/** Whether the database can be reached, as far as a lane knows. Who asked without meaning to wait is failed as soon as it cannot. */
internal class Reach(
    private val pool: PoolRef,
    private val engine: Engine,
) {
    private val attempts: MutableSet<Pending> = ConcurrentHashMap.newKeySet()

    /** Null since it answered. */
    @Volatile private var away: Away? = null

    private class Away(
        val cause: StoreException,
        val session: Session?,
    )

    /** Null when it can be reached: a session that was opened since shows that it can. */
    val whyNot: StoreException?
        get() {
            val it = away ?: return null
            val current = engine.sessions.current
            return if (current == null || current === it.session) it.cause else null
        }

    fun entered(pending: Pending) {
        attempts += pending
    }

    fun left(pending: Pending) {
        attempts -= pending
    }

    fun lose(cause: StoreException) {
        away = Away(cause, engine.sessions.current)
        failAttempts(cause)
    }

    fun found() {
        away = null
    }

    /** After somebody entered, who may have come too late for [lose]. */
    fun check() {
        whyNot?.let(::failAttempts)
    }

    private fun failAttempts(cause: StoreException) =
        attempts.forEach { it.lane.fail(it, engine.unavailable("acquire of pool '${pool.id}'", cause)) }
}
