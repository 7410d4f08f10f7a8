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
 * It looks every tick, and at the moment when the first of these is over: a grace that ends between two ticks isn't waited for until the second.
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
    private val detachments = StandStill<Long>()
    private val beats = StandStill<Long>()
    private val doomed = StandStill<Int>()
    private val marks = StandStill<Long>()
    private val watched = listOf(detachments, beats, doomed, marks)
    private var incarnation: UUID? = null

    suspend fun run() {
        while (true) {
            delay(tickMillis - Random.nextLong(tickMillis / 5 + 1))
            while (ticked()) {
                val due = watched.mapNotNull { it.millisToNext() }.minOrNull()?.takeIf { it < tickMillis } ?: break
                delay(due.coerceAtLeast(tickMillis / MOST_PER_TICK)) // however many die
            }
        }
    }

    private suspend fun ticked(): Boolean =
        try {
            tick()
            true
        } catch (e: StoreException) {
            log.debug("A reaper's tick failed; the next one goes on", e)
            false
        }

    private suspend fun tick() {
        val self = engine.sessions.awaitLive().id
        val sessions = engine.bridge.run { engine.store.survey(it, self) }
        observe(sessions)
        for (it in sessions) {
            if (it.dead() || declare(it)) bury(it)
        }
        purge()
        free()
    }

    private fun observe(sessions: List<Surveyed>) {
        val seen = sessions.firstOrNull()?.incarnation()
        if (seen != null && seen != incarnation) {
            watched.forEach { it.forget() }
            incarnation = seen
        }
        detachments.observe(
            sessions.filter { it.attached() && it.detached() }.associate { it.id() to Sight(it.attachNumber(), it.graceMillis()) },
        )
        beats.observe(sessions.associate { it.id() to Sight(it.beat(), it.ttlMillis()) })
    }

    private suspend fun declare(it: Surveyed): Boolean {
        if (detachments.isOver(it.id()) && attempt { c -> engine.store.declareDetachedDead(c, it.id(), it.attachNumber()) }) return true
        return (beats.isOver(it.id()) || it.overdue()) && attempt { c -> engine.store.declareSilentDead(c, it.id(), it.beat()) }
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
        doomed.observe(pools.associate { it.pool() to Sight(Unit, it.ttlMillis()) })
        for (it in pools) {
            if (!doomed.isOver(it.pool())) continue
            attempt { c ->
                engine.store.purge(c, it.pool())
                true
            }
        }
    }

    /** Evicted slots that their holders did not give back in time. */
    private suspend fun free() {
        val orders = engine.bridge.run { engine.store.marks(it) }
        marks.observe(orders.associate { it.number() to Sight(Unit, it.ttlMillis()) })
        for (it in orders) {
            if (!marks.isOver(it.number())) continue
            attempt { c ->
                engine.store
                    .freeEvicted(c, it)
                    .also { freed -> engine.announce(it.pool(), freed.notices()) }
                    .freed() > 0
            }
        }
    }

    private companion object {
        const val MOST_PER_TICK = 10
    }
}
