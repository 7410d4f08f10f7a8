package io.numpool.micrometer

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldContain
import io.kotest.matchers.collections.shouldContainAll
import io.kotest.matchers.collections.shouldContainExactlyInAnyOrder
import io.kotest.matchers.collections.shouldNotContain
import io.kotest.matchers.doubles.shouldBeBetween
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.micrometer.core.instrument.Meter
import io.micrometer.core.instrument.MeterRegistry
import io.micrometer.core.instrument.Tags
import io.micrometer.core.instrument.composite.CompositeMeterRegistry
import io.micrometer.core.instrument.config.MeterFilter
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig
import io.numpool.AcquireTimeoutException
import io.numpool.Numpool
import io.numpool.NumpoolClosedException
import io.numpool.PoolDeletedException
import io.numpool.ResourceState
import io.numpool.Stage
import io.numpool.StageSpec
import io.numpool.await
import io.numpool.queued
import io.numpool.value
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class NumpoolMetricsTest :
    StageSpec({
        test("the scrape names each meter with its unit, type and tags") {
            val registry = prometheus()
            val client = stage.client { name = "names" }
            NumpoolMetrics(client).bindTo(registry)
            client.pool("named", 2).withResource { }
            val scrape = registry.now()

            fun types(type: String) =
                scrape.text
                    .lines()
                    .filter { it.startsWith("# TYPE ") && it.endsWith(" $type") }
                    .map { it.split(' ')[2] }
            types("gauge") shouldContainExactlyInAnyOrder GAUGES + listOf("numpool_wait_seconds_max", "numpool_hold_seconds_max")
            types("summary") shouldContainExactlyInAnyOrder listOf("numpool_wait_seconds", "numpool_hold_seconds")
            types("counter") shouldContainExactlyInAnyOrder
                listOf("numpool_timeouts_total", "numpool_lost_slots_total", "numpool_reclaimed_slots_total", "numpool_reconnects_total")
            val ofPools =
                GAUGES + listOf("numpool_timeouts_total", "numpool_lost_slots_total") +
                    listOf("count", "sum", "max").flatMap { listOf("numpool_wait_seconds_$it", "numpool_hold_seconds_$it") }
            val ofClients = listOf("numpool_reclaimed_slots_total", "numpool_reconnects_total")
            scrape.series shouldContainExactlyInAnyOrder
                ofPools.map { "$it{client=\"names\",pool=\"named\"}" } + ofClients.map { "$it{client=\"names\"}" }
            scrape.text shouldContain "# HELP numpool_pool_held_slots Slots held by all clients, as last heard\n"
        }

        test("an acquire that waits, one that is served, and what is given back are timed in seconds") {
            coroutineScope {
                val registry = prometheus()
                val client = stage.client { name = "times" }
                NumpoolMetrics(client).bindTo(registry)
                val pool = client.pool("timed", 1)
                val first = pool.acquire()
                val asked = System.nanoTime()
                val second = queued(pool) { pool.acquire() }
                val queuedNanos = System.nanoTime()
                await("time to pass", { first.heldFor }) { it > 300.milliseconds }
                val least = System.nanoTime() - queuedNanos
                val heldLeast = first.heldFor
                first.release()
                second.value().release()
                val most = System.nanoTime() - asked
                val scrape = registry.now()
                scrape.shouldShow(2.0) { of("wait_seconds_count", "times", "timed") }
                scrape.of("wait_seconds_max", "times", "timed").shouldBeBetween(least / 1e9, most / 1e9, 0.0)
                scrape.shouldShow(2.0) { of("hold_seconds_count", "times", "timed") }
                scrape.of("hold_seconds_max", "times", "timed").shouldBeBetween(heldLeast.inWholeNanoseconds / 1e9, 30.0, 0.0)
            }
        }

        test("a timeout is counted when its acquire fails by it, not when a try finds nothing") {
            val registry = prometheus()
            val client = stage.client { name = "late" }
            NumpoolMetrics(client).bindTo(registry)
            val pool = client.pool("busy", 1)
            pool.acquire()
            pool.tryAcquire() shouldBe null
            registry.now().shouldShow(0.0) { of("timeouts_total", "late", "busy") }
            repeat(2) { shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 20.milliseconds) } }
            shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 0.seconds) }
            registry.now().shouldShow(3.0) { of("timeouts_total", "late", "busy") }
            registry.now().shouldShow(1.0) { of("wait_seconds_count", "late", "busy") }
            registry.now().shouldShow(0.0) { of("client_waiting_requests", "late", "busy") }
        }

        test("a session that is killed: its client counts what it lost, the client that freed it what it reclaimed") {
            Stage().use { alone ->
                val registry = prometheus()
                val survivor =
                    alone.client {
                        name = "survivor"
                        reaperTick = 50.milliseconds
                    }
                val victim =
                    alone.client {
                        name = "victim"
                        reaperTick = 1.hours
                    }
                listOf(survivor, victim).forEach { NumpoolMetrics(it).bindTo(registry) }
                val pool = victim.pool("theirs", 3)
                val held = List(3) { pool.acquire() }
                registry.now().shouldShow(3.0) { of("client_held_slots", "victim", "theirs") }
                alone.database.query("SELECT numpool.end_session(${victim.session})")
                victim.pool("other", 1).withResource { } // hears of it
                held.forEach { it.awaitLost()!!.token shouldBe it.token }
                registry.awaitFigure(3.0) { of("lost_slots_total", "victim", "theirs") }
                registry.awaitFigure(3.0) { of("reclaimed_slots_total", "survivor") }
                registry.awaitFigure(1.0) { of("reconnects_total", "victim") }
                val scrape = registry.now()
                scrape.shouldShow(0.0) { of("reclaimed_slots_total", "victim") }
                scrape.shouldShow(0.0) { of("lost_slots_total", "victim", "other") }
                scrape.shouldShow(0.0) { of("client_held_slots", "victim", "theirs") }
                scrape.shouldShow(0.0) { of("hold_seconds_count", "victim", "theirs") }
                scrape.shouldShow(0.0) { of("reconnects_total", "survivor") }
            }
        }

        test("each break of the listener's connection is one reconnect, and the first connection is none") {
            val registry = prometheus()
            val client =
                stage.client {
                    name = "listening"
                    sessionTtl = 60.seconds
                    detachGrace = 20.seconds
                }
            NumpoolMetrics(client).bindTo(registry)
            for (breaks in 1..2) {
                stage.awaitAttached(client)
                registry.now().shouldShow(breaks - 1.0) { of("reconnects_total", "listening") }
                stage.database.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE ${aliveLock(client)}") shouldBe "t"
                registry.awaitFigure(breaks.toDouble()) { of("reconnects_total", "listening") }
            }
            registry.now().shouldShow(2.0) { of("reconnects_total", "listening") }
        }

        test("without a listener connection a session that is replaced is a reconnect") {
            val registry = prometheus()
            val client =
                stage.client {
                    name = "polling"
                    pollOnly = true
                }
            NumpoolMetrics(client).bindTo(registry)
            val pool = client.pool("polled", 1)
            pool.withResource { }
            registry.now().shouldShow(0.0) { of("reconnects_total", "polling") }
            stage.database.query("SELECT numpool.end_session(${client.session})")
            pool.withResource { }
            registry.awaitFigure(1.0) { of("reconnects_total", "polling") }
        }

        test("a client that is bound late shows at once what it holds and waits for") {
            coroutineScope {
                val registry = prometheus()
                val client = stage.client { name = "late comer" }
                val pool = client.pool("early", 1)
                val holder = pool.acquire()
                val waiter = queued(pool) { pool.acquire() }
                NumpoolMetrics(client).use {
                    it.bindTo(registry)
                    val scrape = registry.now()
                    scrape.shouldShow(1.0) { of("pool_capacity_slots", "late comer", "early") }
                    scrape.shouldShow(1.0) { of("pool_held_slots", "late comer", "early") }
                    scrape.shouldShow(1.0) { of("pool_waiting_requests", "late comer", "early") }
                    scrape.shouldShow(1.0) { of("client_held_slots", "late comer", "early") }
                    scrape.shouldShow(1.0) { of("client_waiting_requests", "late comer", "early") }
                    scrape.shouldShow(0.0) { of("wait_seconds_count", "late comer", "early") }
                    holder.release()
                    waiter.value().release()
                    registry.now().shouldShow(1.0) { of("wait_seconds_count", "late comer", "early") }
                    registry.now().shouldShow(2.0) { of("hold_seconds_count", "late comer", "early") }
                }
            }
        }

        test("what others do is heard within a third of the session's ttl, though the client asks for nothing") {
            coroutineScope {
                val registry = prometheus()
                val idle =
                    stage.client {
                        name = "idle"
                        sessionTtl = 6.seconds
                    }
                NumpoolMetrics(idle).bindTo(registry)
                idle.pool("watched", 2)
                idle.pool("watched, too", 5)
                val busy = stage.client().pool("watched")
                val held = List(2) { busy.acquire() }
                val waiter = queued(busy) { busy.acquire() }
                registry.awaitFigure(2.0) { of("pool_held_slots", "idle", "watched") }
                registry.awaitFigure(1.0) { of("pool_waiting_requests", "idle", "watched") }
                registry.now().shouldShow(0.0) { of("client_held_slots", "idle", "watched") }
                registry.now().shouldShow(5.0) { of("pool_capacity_slots", "idle", "watched, too") }
                registry.now().shouldShow(0.0) { of("pool_held_slots", "idle", "watched, too") }
                (held + waiter.also { busy.resize(4) }.value()).forEach { it.release() }
                registry.awaitFigure(4.0) { of("pool_capacity_slots", "idle", "watched") }
                registry.awaitFigure(0.0) { of("pool_held_slots", "idle", "watched") }
                registry.awaitFigure(0.0) { of("pool_waiting_requests", "idle", "watched") }
            }
        }

        test("an acquire waits in the client's gauge also while the database does not answer, and no more when it is cancelled") {
            coroutineScope {
                val registry = prometheus()
                val client = stage.client { name = "stuck" }
                NumpoolMetrics(client).bindTo(registry)
                val pool = client.pool("locked", 1)
                val number = stage.database.query("SELECT number FROM numpool.pool WHERE id = 'locked'")
                stage.database.connect().use { connection ->
                    connection.createStatement().execute("SELECT pg_advisory_lock('numpool.pool'::regclass::oid::integer, $number)")
                    val waiter = async { pool.acquire() }
                    registry.awaitFigure(1.0) { of("client_waiting_requests", "stuck", "locked") }
                    waiter.cancel()
                    registry.awaitFigure(0.0) { of("client_waiting_requests", "stuck", "locked") }
                }
            }
        }

        test("the gauges of a pool go when it is deleted, here or elsewhere, and come back with one of its name; counts stay") {
            val registry = prometheus()
            val clients =
                listOf("here", "there").associateWith {
                    stage.client {
                        name = it
                        sessionTtl = 6.seconds
                    }
                }
            clients.values.forEach { NumpoolMetrics(it).bindTo(registry) }
            val pools = clients.mapValues { (_, client) -> client.pool("fleeting", 2).also { it.withResource { } } }
            clients.getValue("here").pool("lasting", 1)
            val lost = pools.getValue("there").acquire()
            clients.getValue("here").deletePool("fleeting")
            lost.awaitLost()!!.token shouldBe lost.token
            for (client in clients.keys) {
                await("no gauges of '$client'", { registry.now().gauges(client, "fleeting") }) { it.isEmpty() }
                registry.now().shouldShow(if (client == "here") 1.0 else 2.0) { of("wait_seconds_count", client, "fleeting") }
            }
            registry.now().shouldShow(1.0) { of("lost_slots_total", "there", "fleeting") }
            registry.now().gauges("here", "lasting") shouldContainAll GAUGES
            val again = awaitNew(clients.getValue("here"), "fleeting", 3)
            again.withResource { }
            registry.now().gauges("here", "fleeting") shouldContainAll GAUGES
            registry.now().shouldShow(3.0) { of("pool_capacity_slots", "here", "fleeting") }
            registry.now().shouldShow(2.0) { of("wait_seconds_count", "here", "fleeting") }
            registry.now().gauges("there", "fleeting").shouldBeEmpty()
        }

        test("a pool made again before its deletion was heard of keeps the gauges of the new one") {
            val registry = prometheus()
            val client =
                stage.client {
                    name = "unaware"
                    sessionTtl = 6.seconds
                }
            NumpoolMetrics(client).bindTo(registry)
            client.pool("replaced", 1)
            stage.database.query("SELECT numpool.delete_pool(number, false) FROM numpool.pool WHERE id = 'replaced'")
            client.pool("replaced", 7)
            registry.now().shouldShow(7.0) { of("pool_capacity_slots", "unaware", "replaced") }
            val another = client.pool("heard of", 1)
            stage.database.query("SELECT numpool.delete_pool(number, false) FROM numpool.pool WHERE id = 'heard of'")
            await("the client to hear of both deletions", { registry.now().gauges("unaware", "heard of") }) { it.isEmpty() }
            registry.now().gauges("unaware", "replaced") shouldContainAll GAUGES
            shouldThrow<PoolDeletedException> { another.acquire() }
        }

        test("a closed client's gauges go, its counts stay until its metrics are closed, and other clients' stay") {
            val registry = prometheus()
            val other = stage.client { name = "other" }
            NumpoolMetrics(other).bindTo(registry)
            other.pool("both", 2)
            val client = stage.client { name = "ending" }
            val metrics = NumpoolMetrics(client).apply { bindTo(registry) }
            val held = client.pool("both").acquire()
            client.close()
            held.state shouldBe ResourceState.RELEASED
            registry.now().gauges("ending", "both").shouldBeEmpty()
            registry.now().shouldShow(1.0) { of("hold_seconds_count", "ending", "both") }
            metrics.close()
            metrics.close()
            registry
                .now()
                .series
                .filter { "ending" in it }
                .shouldBeEmpty()
            registry.now().gauges("other", "both") shouldContainAll GAUGES
            shouldThrow<NumpoolClosedException> { metrics.bindTo(registry) }
            registry
                .now()
                .series
                .filter { "ending" in it }
                .shouldBeEmpty()
        }

        test("metrics that are closed leave the client alone, and can be bound again") {
            val registry = prometheus()
            val client = stage.client { name = "unbound" }
            val pool = client.pool("kept", 1)
            val metrics = NumpoolMetrics(client).apply { bindTo(registry) }
            pool.acquire().use { metrics.close() }
            client.pool("joined later", 1).withResource { }
            registry.now().series.shouldBeEmpty()
            metrics.bindTo(registry)
            pool.withResource { }
            registry.now().shouldShow(1.0) { of("hold_seconds_count", "unbound", "kept") }
            registry.now().gauges("unbound", "joined later") shouldContainAll GAUGES
        }

        test("two open clients that would share their gauges are refused in one registry; tags of the user's own keep them apart") {
            val registry = prometheus()
            val first = stage.client { name = "twin" }
            val second = stage.client { name = "twin" }
            NumpoolMetrics(first).bindTo(registry)
            val refused = NumpoolMetrics(second)
            shouldThrow<IllegalStateException> { refused.bindTo(registry) }.message shouldBe
                "an open client with the [tag(client=twin)] is shown in this registry already: " +
                "give one of them another name, or another tag 'client'"
            refused.bindTo(prometheus())
            NumpoolMetrics(second, Tags.of("client", "the other")).bindTo(registry)
            for (client in listOf(first, second)) client.pool("shared by twins", 1).withResource { }
            registry.now().shouldShow(1.0) { of("hold_seconds_count", "twin", "shared by twins") }
            registry.now().shouldShow(1.0) { of("hold_seconds_count", "the other", "shared by twins") }
        }

        test("a client takes over the name and the counts of one that is closed, and keeps them when the metrics of that are closed late") {
            val registry = prometheus()
            val before = stage.client { name = "heir" }
            val beforeMetrics = NumpoolMetrics(before).apply { bindTo(registry) }
            before.pool("inherited", 1).withResource { }
            before.close()
            val after = stage.client { name = "heir" }
            NumpoolMetrics(after).bindTo(registry)
            beforeMetrics.close()
            after.pool("inherited", 1).withResource { }
            registry.now().shouldShow(2.0) { of("hold_seconds_count", "heir", "inherited") }
            registry.now().gauges("heir", "inherited") shouldContainAll GAUGES
        }

        test("several registries, and a composite one, show the same client") {
            val plain = prometheus()
            val inside = prometheus()
            val client = stage.client { name = "everywhere" }
            val metrics = NumpoolMetrics(client, Tags.of("region", "eu"))
            val composite = CompositeMeterRegistry().add(inside)
            listOf<MeterRegistry>(plain, composite).forEach(metrics::bindTo)
            client.pool("seen", 1).withResource { }
            for (registry in listOf(plain, inside)) {
                registry.now().series shouldContain "numpool_hold_seconds_count{client=\"everywhere\",pool=\"seen\",region=\"eu\"}"
                registry.now()["numpool_pool_capacity_slots{client=\"everywhere\",pool=\"seen\",region=\"eu\"}"] shouldBe 1.0
            }
            metrics.close()
            for (registry in listOf(plain, inside)) registry.now().series.shouldBeEmpty()
        }

        test("the user's filters decide on histograms, and on what is shown at all") {
            val registry = prometheus()
            registry
                .config()
                .meterFilter(histogramOf("numpool.wait"))
                .meterFilter(MeterFilter.denyNameStartsWith("numpool.client"))
            val client = stage.client { name = "filtered" }
            val metrics = NumpoolMetrics(client).apply { bindTo(registry) }
            client.pool("measured", 1).withResource { }
            val buckets = registry.now().series.filter { "_bucket{" in it }
            buckets.map { it.substringBefore('{') }.toSet() shouldBe setOf("numpool_wait_seconds_bucket")
            registry.now().shouldShow(1.0) { of("wait_seconds_count", "filtered", "measured") }
            registry.now().gauges("filtered", "measured") shouldNotContain "numpool_client_held_slots"
            registry.now().gauges("filtered", "measured") shouldContain "numpool_pool_held_slots"
            metrics.close()
            registry.now().series.shouldBeEmpty()
        }
    })

private fun histogramOf(name: String) =
    object : MeterFilter {
        override fun configure(
            id: Meter.Id,
            config: DistributionStatisticConfig,
        ): DistributionStatisticConfig =
            if (id.name == name) {
                DistributionStatisticConfig
                    .builder()
                    .percentilesHistogram(true)
                    .build()
                    .merge(config)
            } else {
                config
            }
    }

private suspend fun Stage.awaitAttached(client: Numpool) =
    await("'${client.name}' attached", { count("pg_locks WHERE ${aliveLock(client)}") }) {
        it ==
            1
    }

/** Held by the listener's connection for as long as it lives. */
private fun aliveLock(client: Numpool) = "locktype = 'advisory' AND classid = 'numpool.session'::regclass AND objid = ${client.session}"

/** Its slots have to come back first. */
private suspend fun awaitNew(
    client: Numpool,
    id: String,
    capacity: Int,
) = runCatching { client.pool(id, capacity) }.let { first ->
    var made = first
    await("pool '$id' anew", {
        if (made.isFailure) made = runCatching { client.pool(id, capacity) }
        made.isSuccess
    }) { it }
    made.getOrThrow()
}
