package io.numpool.internal

import io.numpool.internal.store.StoreException
import io.numpool.internal.store.Surveyed
import kotlinx.coroutines.delay
import org.slf4j.LoggerFactory
import java.sql.Connection
import java.util.UUID
import kotlin.random.Random

/**
 * Finds sessions that are dead, and frees what they held. Judges by its own monotonic clock what it has itself seen to stand still:
 *
 *  - detached: the alive lock is free, under one attach number, for a grace
 *  - silent: one and the same beat for a ttl (or, for reapers that don't live that long, ten ttls by the database's clock)
 *
 * In another life of the server it begins anew: nobody could renew in between.
 *
 * The database checks the observation again when the session is declared dead, with no call of it in flight. Then each pool that it
 * touched is repaired in a transaction of its own; whatever one reaper leaves half done, any other goes on with.
 */
internal class Reaper(
    private val engine: Engine,
    private val tickMillis: Long,
) {
    private val log = LoggerFactory.getLogger(Reaper::class.java)
    private val detachments = HashMap<Long, Seen<Long>>()
    private val beats = HashMap<Long, Seen<UUID>>()
    private val doomed = HashMap<Int, Long>()
    private val marks = HashMap<Long, Long>()
    private var incarnation: UUID? = null

    /** Since when one value stands still, by [System.nanoTime]. */
    private class Seen<T>(
        val value: T,
        val sinceNanos: Long,
    )

    suspend fun run() {
        while (true) {
            delay(tickMillis - Random.nextLong(tickMillis / 5 + 1))
            try {
                tick()
            } catch (e: StoreException) {
                log.debug("A reaper's tick failed; the next one goes on", e)
            }
        }
    }

    private suspend fun tick() {
        val self = engine.sessions.awaitLive().id
        val sessions = engine.bridge.run { engine.store.survey(it, self) }
        val now = System.nanoTime() // here and below after the answer: what it says is older, so an end is rather late than early
        observe(sessions, now)
        for (it in sessions) {
            if (it.dead() || declare(it, now)) bury(it)
        }
        purge()
        free()
    }

    private fun observe(
        sessions: List<Surveyed>,
        now: Long,
    ) {
        val seen = sessions.firstOrNull()?.incarnation()
        if (seen != null && seen != incarnation) {
            if (incarnation != null) {
                detachments.clear()
                beats.clear()
                doomed.clear()
                marks.clear()
            }
            incarnation = seen
        }
        val detached = sessions.filter { it.attached() && it.detached() }.associate { it.id() to it.attachNumber() }
        val beating = sessions.associate { it.id() to it.beat() }
        detachments.keep(detached, now)
        beats.keep(beating, now)
    }

    private fun <K, T> HashMap<K, Seen<T>>.keep(
        values: Map<K, T>,
        now: Long,
    ) {
        keys.retainAll(values.keys)
        for ((key, value) in values) if (this[key]?.value != value) this[key] = Seen(value, now)
    }

    private suspend fun declare(
        it: Surveyed,
        now: Long,
    ): Boolean {
        val detached = detachments[it.id()]?.let { seen -> now - seen.sinceNanos >= it.graceMillis() * NANOS }
        if (detached == true && attempt { c -> engine.store.declareDetachedDead(c, it.id(), it.attachNumber()) }) return true
        val silent = beats[it.id()]?.let { seen -> now - seen.sinceNanos >= it.ttlMillis() * NANOS }
        return (silent == true || it.overdue()) && attempt { c -> engine.store.declareSilentDead(c, it.id(), it.beat()) }
    }

    private suspend fun attempt(call: (Connection) -> Boolean): Boolean =
        try {
            engine.bridge.run(call)
        } catch (e: StoreException) {
            if (e.kind() == StoreException.Kind.BUSY) engine.unblock()
            log.debug("A step of the reaper failed; the next tick tries again", e)
            false
        }

    private suspend fun bury(it: Surveyed) {
        val pools = if (it.dead()) it.pools() else engine.bridge.run { c -> engine.store.endSession(c, it.id()) }
        engine.bury(it.id(), pools)
    }

    private suspend fun purge() {
        val pools = engine.bridge.run { engine.store.doomed(it) }
        val now = System.nanoTime()
        doomed.keys.retainAll(pools.map { it.pool() }.toSet())
        for (it in pools) {
            if (now - doomed.getOrPut(it.pool()) { now } < it.ttlMillis() * NANOS) continue
            attempt { c ->
                engine.store.purge(c, it.pool())
                true
            }
        }
    }

    /** Evicted slots that their holders did not give back in time. */
    private suspend fun free() {
        val orders = engine.bridge.run { engine.store.marks(it) }
        val now = System.nanoTime()
        marks.keys.retainAll(orders.mapTo(HashSet()) { it.number() })
        for (it in orders) {
            if (now - marks.getOrPut(it.number()) { now } < it.ttlMillis() * NANOS) continue
            attempt { c ->
                engine.store
                    .freeEvicted(c, it)
                    .also { freed -> engine.announce(it.pool(), freed.notices()) }
                    .freed() > 0
            }
        }
    }

    private companion object {
        const val NANOS = 1_000_000L
    }
}
