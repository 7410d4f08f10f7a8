package io.numpool.internal

import io.numpool.internal.store.StoreException
import kotlinx.coroutines.delay
import org.slf4j.LoggerFactory

/**
 * Keeps what listeners are shown of pools from growing old: a pool of which nothing was heard for a third of a ttl is asked for. The calls
 * of its lane make that rare; without listeners it never happens.
 */
internal class Lookout(
    private val engine: Engine,
) {
    private val log = LoggerFactory.getLogger(Lookout::class.java)
    private val ageMillis = engine.options.sessionTtl.toMillis() / 3

    suspend fun run() {
        while (true) {
            delay(ageMillis.coerceAtMost(TICK_MILLIS))
            if (!engine.hooks.isEmpty) look()
        }
    }

    private suspend fun look() {
        val now = System.nanoTime()
        val old = engine.uses().filter { it.isOlder(ageMillis * NANOS, now) }
        if (old.isEmpty()) return
        old.forEach { it.asked(now) } // however it ends, not again for a while
        try {
            val prefix = old.map { it.pool }.reduce { a, b -> a.commonPrefixWith(b) }
            engine.heard(engine.bridge.run { engine.store.list(it, prefix) })
        } catch (e: StoreException) {
            log.debug("Nothing new of {} pools", old.size, e)
        }
    }

    private companion object {
        const val TICK_MILLIS = 1_000L
        const val NANOS = 1_000_000L
    }
}
