package io.numpool.micrometer

import io.kotest.assertions.withClue
import io.kotest.matchers.collections.shouldBeIn
import io.kotest.matchers.doubles.shouldBeBetween
import io.kotest.matchers.doubles.shouldBeGreaterThan
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry
import io.numpool.AcquireTimeoutException
import io.numpool.ResourcePool
import io.numpool.StageSpec
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicLong
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

class LoadTest :
    StageSpec({
        test("after ten seconds of load on two clients the meters tell what was measured, and the gauges never left the pool") {
            val registry = prometheus()
            val clients =
                CLIENTS.map {
                    stage.client {
                        name = it
                        detachGrace = 5.seconds // a slow machine loses no session
                        sessionTtl = 15.seconds // a third of it, and what others do has been heard
                    }
                }
            clients.forEach { NumpoolMetrics(it).bindTo(registry) }
            val measured = CLIENTS.associateWith { Measured() }
            val seen = Seen()
            coroutineScope {
                val until = TimeSource.Monotonic.markNow() + 10.seconds
                val loops =
                    clients.flatMap { client ->
                        val pool = client.pool("load", CAPACITY)
                        List(WORKERS) { launch(Dispatchers.Default) { work(pool, until, measured.getValue(client.name)) } }
                    }
                val watch = launch(Dispatchers.Default) { watch(registry, seen) }
                loops.joinAll()
                watch.cancelAndJoin()
            }

            val scrape = registry.now()
            for ((client, it) in measured) {
                val wait = scrape.of("wait_seconds_sum", client, "load")
                val hold = scrape.of("hold_seconds_sum", client, "load")
                println("$client: $it; the meters say: waited $wait s, held $hold s")
                it.grants.get() shouldBeGreaterThan 100
                it.timeouts.get() shouldBeGreaterThan 100
                scrape.shouldShow(it.grants.toDouble()) { of("wait_seconds_count", client, "load") }
                scrape.shouldShow(it.grants.toDouble()) { of("hold_seconds_count", client, "load") }
                scrape.shouldShow(it.timeouts.toDouble()) { of("timeouts_total", client, "load") }
                scrape.shouldShow(0.0) { of("lost_slots_total", client, "load") }
                wait.shouldBeBetween(it.waited.seconds() / 2, it.waited.seconds(), 0.0)
                hold.shouldBeBetween(it.held.seconds(), (it.all.seconds() - wait) * 1.05, 0.0)
            }
            seen.scrapes.get() shouldBeGreaterThan 20
            withClue(seen.highest) { for (gauge in GAUGES) seen.highest.getValue(gauge) shouldBeGreaterThan 0.0 }
            for (client in CLIENTS) {
                scrape.shouldShow(0.0) { of("client_held_slots", client, "load") }
                scrape.shouldShow(0.0) { of("client_waiting_requests", client, "load") }
                registry.awaitFigure(0.0) { of("pool_held_slots", client, "load") }
                registry.awaitFigure(0.0) { of("pool_waiting_requests", client, "load") }
            }
        }
    })

private val CLIENTS = listOf("left", "right")
private const val CAPACITY = 3
private const val WORKERS = 6

/** What the callers themselves see, in nanoseconds: [held] from acquire's return to close, [all] from before the one to after the other. */
private class Measured {
    val grants = AtomicLong()
    val timeouts = AtomicLong()
    val waited = AtomicLong()
    val held = AtomicLong()
    val all = AtomicLong()

    override fun toString() = "$grants grants, $timeouts timeouts, waited ${waited.seconds()} s, held ${held.seconds()} s"
}

private fun AtomicLong.seconds() = get() / 1e9

/** Acquires whose time is often up just when they are served: each is either a grant or a timeout. */
private suspend fun work(
    pool: ResourcePool,
    until: TimeSource.Monotonic.ValueTimeMark,
    measured: Measured,
) {
    while (until.hasNotPassedNow()) {
        val asked = System.nanoTime()
        val resource =
            try {
                pool.acquire(timeout = Random.nextInt(1, 100).milliseconds)
            } catch (_: AcquireTimeoutException) {
                measured.timeouts.incrementAndGet()
                continue
            }
        val granted = System.nanoTime()
        delay(Random.nextInt(4, 12).milliseconds) // its work
        val done = System.nanoTime()
        resource.close()
        measured.grants.incrementAndGet()
        measured.waited.addAndGet(granted - asked)
        measured.held.addAndGet(done - granted)
        measured.all.addAndGet(System.nanoTime() - asked)
    }
}

private class Seen {
    val scrapes = AtomicLong()
    val highest = HashMap<String, Double>()
}

private suspend fun watch(
    registry: PrometheusMeterRegistry,
    seen: Seen,
) {
    while (true) {
        val scrape = registry.now()
        for (client in CLIENTS) {
            for (gauge in scrape.gauges(client, "load")) {
                val value = scrape["$gauge{client=\"$client\",pool=\"load\"}"]
                withClue(scrape.text) { value shouldBeIn range(gauge) }
                seen.highest.merge(gauge, value, ::maxOf)
            }
        }
        seen.scrapes.incrementAndGet()
        delay(100.milliseconds)
    }
}

private fun range(gauge: String) =
    when (gauge) {
        "numpool_pool_capacity_slots" -> CAPACITY..CAPACITY
        "numpool_pool_held_slots", "numpool_client_held_slots" -> 0..CAPACITY
        "numpool_pool_waiting_requests" -> 0..WORKERS * CLIENTS.size
        else -> 0..WORKERS
    }.map { it.toDouble() }
