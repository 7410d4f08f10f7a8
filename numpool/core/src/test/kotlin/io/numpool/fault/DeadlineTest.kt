package io.numpool.fault

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.longs.shouldBeInRange
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourceState
import io.numpool.internal.Client
import io.numpool.internal.Deadline
import io.numpool.internal.Moment
import io.numpool.testkit.Await
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestPostgres
import io.numpool.testkit.WireDirection
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import java.util.concurrent.CountDownLatch
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import java.time.Duration as JavaDuration

/** The holder finds out first: by its own clocks, before the database gives its slot away. */
class DeadlineTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }

        /** Uses it for as long as it says that it is held. */
        suspend fun History.use(it: Resource) {
            granted(it.pool, "first", it.index, it.token)
            var last = System.nanoTime()
            while (currentCoroutineContext().isActive) {
                val now = System.nanoTime()
                if (!it.isHeld) break
                last = now
                Thread.onSpinWait()
            }
            lost(it.pool, it.index, it.token, last)
        }

        suspend fun outlived(
            pool: String,
            client: Numpool,
            cutOff: () -> Unit,
        ) {
            val history = History.inMemory("cut off")
            val other = History.inMemory("other")
            database.open("other") { reaperTick = 50.milliseconds }.use { next ->
                val held = client.pool(pool, 1).acquire()
                coroutineScope {
                    val waiting = queued(next.pool(pool))
                    val use = async(Dispatchers.IO) { history.use(held) }
                    cutOff()
                    val granted = waiting.soon()
                    other.granted(pool, "second", granted.index, granted.token)
                    held.isHeld shouldBe false
                    held.state shouldBe ResourceState.LOST
                    use.soon()
                    granted.token shouldBeGreaterThan held.token
                    other.ended(pool, granted.index, granted.token)
                    granted.release()
                }
            }
            HistoryChecker
                .of(History.merge(listOf(history, other)))
                .handOver()
                .check()
                .assertClean()
        }

        test("a holder that is cut off sees its slot lost before the next in line is granted: by the grace, when it was attached") {
            repeat(3) { round ->
                val connections = FaultyDataSource(database.dataSource())
                database
                    .open("cut off", connections) {
                        detachGrace = 600.milliseconds
                        sessionTtl = 30.seconds
                        closeTimeout = 50.milliseconds
                    }.use { outlived("grace$round", it, connections::cut) }
            }
        }

        test("a holder that is cut off sees its slot lost before the next in line is granted: by the TTL, when it only polls") {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("cut off", connections) {
                    pollOnly = true
                    detachGrace = 400.milliseconds
                    sessionTtl = 1_200.milliseconds
                    closeTimeout = 50.milliseconds
                }.use { outlived("ttl", it, connections::cut) }
        }

        test("a holder sees its slot lost by its clocks, though no thread of the client gets to run") {
            val threads = maxOf(2, Runtime.getRuntime().availableProcessors())
            val busy = CountDownLatch(1)
            database
                .open("starved") {
                    pollOnly = true
                    detachGrace = 300.milliseconds
                    sessionTtl = 900.milliseconds
                }.use { client ->
                    val held = client.pool("starved", 1).acquire()
                    coroutineScope {
                        repeat(threads) { launch(Dispatchers.Default) { busy.await() } }
                        withContext(Dispatchers.IO) {
                            try {
                                Await.until("it is not held") { !held.isHeld }
                                held.state shouldBe ResourceState.LOST
                            } finally {
                                busy.countDown()
                            }
                        }
                    }
                    held.release() shouldBe ResourceState.LOST
                }
        }

        test("a deadline goes by the clock that saw more time: one stands still while the machine sleeps, one may be set back") {
            val opened = Moment(nanos = 0, millis = 0)
            for (later in listOf(
                Moment(nanos = 2_000 * MILLI, millis = 0),
                Moment(nanos = 0, millis = 2_000),
                Moment(nanos = 2_000 * MILLI, millis = -60_000),
            )) {
                Deadline(ttlMillis = 10_000, graceMillis = 3_000, opened).remainingMillis(later) shouldBe 10_000 - 300 - 2_000
            }
        }

        test("a deadline is a margin before the TTL, and once a ping was due, before the grace") {
            val opened = Moment(nanos = 0, millis = 0)
            val deadline = Deadline(ttlMillis = 3_000, graceMillis = 1_000, opened)
            deadline.remainingMillis(opened) shouldBe 2_800
            deadline.pinged(opened)
            deadline.remainingMillis(opened) shouldBe 800
            deadline.pinged(Moment(nanos = 2_500 * MILLI, millis = 2_500))
            deadline.remainingMillis(Moment(nanos = 2_500 * MILLI, millis = 2_500)) shouldBe 300
            deadline.renewed(Moment(nanos = 2_500 * MILLI, millis = 2_500))
            deadline.renewed(opened) // an answer that comes late
            deadline.remainingMillis(Moment(nanos = 2_500 * MILLI, millis = 2_500)) shouldBe 800
        }

        /** The longest that its session has before it, looked at for a while. */
        suspend fun longest(
            client: Numpool,
            time: Duration,
        ): Long {
            val started = TimeSource.Monotonic.markNow()
            var most = Long.MIN_VALUE
            while (started.elapsedNow() < time) {
                client.remaining()?.let { most = maxOf(most, it) }
                delay(5)
            }
            return most
        }

        test("a renewal counts from when it was sent, and not from when its answer came") {
            WireProxy.inFrontOf(database).use { wire ->
                Numpool
                    .open(wire.url(database)) {
                        pollOnly = true
                        sessionTtl = 6.seconds
                        detachGrace = 2.seconds
                    }.use { client ->
                        wire.delay(WireDirection.TO_CLIENT, JavaDuration.ofSeconds(1))
                        awaited("the deadline of the opening to come near") { client.hasLessThan(3_000) }
                        // 6 s less a margin of 0.2 s and 1 s on the way
                        longest(client, 3.seconds) shouldBeInRange 3_200L..4_800L
                        wire.resume()
                    }
            }
        }

        test("a ping counts from when it was sent, and not from when its answer came") {
            val wired =
                database.wired("pings") {
                    sessionTtl = 60.seconds
                    detachGrace = 6.seconds
                }
            wired.use {
                it.listener.delay(WireDirection.TO_CLIENT, JavaDuration.ofSeconds(1))
                awaited("the deadline of the last quick ping to come near") { it.client.hasLessThan(3_500) }
                // 6 s less a margin of 0.6 s and 1 s on the way
                longest(it.client, 4.seconds) shouldBeInRange 3_600L..4_400L
            }
        }

        test(
            "a network that refuses connections is no end of the server: the holder sees its slot lost before the next in line is granted",
        ) {
            val wire = WireProxy.inFrontOf(database)
            database
                .open("refused", wire.dataSource(database)) {
                    detachGrace = 600.milliseconds
                    sessionTtl = 30.seconds
                    closeTimeout = 50.milliseconds
                }.use { outlived("refused", it) { wire.close() } }
        }

        test("a deadline that passed says which sign of life is missing") {
            fun at(millis: Long) = Moment(nanos = millis * MILLI, millis)
            val deadline = Deadline(ttlMillis = 3_000, graceMillis = 1_000, at(0))
            deadline.missing(at(2_800)) shouldBe "no renewal sent in the last 2800 ms was answered"
            deadline.attaching(at(100))
            deadline.attaching(at(500)) // that again
            deadline.missing(at(900)) shouldBe "its first attach in this life of the server was sent 800 ms ago, and none was answered"
            deadline.pinged(at(600))
            deadline.missing(at(1_400)) shouldBe "no ping sent in the last 800 ms was answered by its LISTEN connection"
            deadline.serverEnded()
            deadline.remainingMillis(at(1_400)) shouldBe 1_400
            deadline.missing(at(2_800)) shouldBe "no renewal sent in the last 2800 ms was answered"
        }

        test("a block whose slot is lost is cancelled, and its caller told why") {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("cut off", connections) {
                    detachGrace = 400.milliseconds
                    sessionTtl = 1_200.milliseconds
                    closeTimeout = 50.milliseconds
                }.use { client ->
                    val pool = client.pool("block", 1)
                    shouldThrow<ResourceLostException> {
                        withTimeout(PATIENCE) {
                            pool.withResource {
                                connections.cut()
                                awaitCancellation()
                            }
                        }
                    }.pool shouldBe "block"
                }
        }

        test("a client that lost its session goes on with a new one when the database is back; who waited joins again") {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("back", connections) {
                    detachGrace = 1.seconds
                    sessionTtl = 3.seconds
                }.use { client ->
                    val lost = client.session
                    val pool = client.pool("back", 1)
                    val held = pool.acquire()
                    coroutineScope {
                        val waiting = queued(pool)
                        connections.cut()
                        withTimeout(PATIENCE) { held.awaitLost() }?.token shouldBe held.token
                        connections.mend()
                        waiting.soon().let {
                            it.token shouldBeGreaterThan held.token
                            it.release() shouldBe ResourceState.RELEASED
                        }
                        held.release() shouldBe ResourceState.LOST
                        client.session shouldBeGreaterThan lost
                    }
                }
        }
    })

private const val MILLI = 1_000_000L

/** Milliseconds to the deadline of its session; null while it has none, for a machine with too much to do may lose one. */
private fun Numpool.remaining(): Long? =
    (this as Client)
        .engine.sessions.current
        ?.deadline
        ?.remainingMillis()

private fun Numpool.hasLessThan(millis: Long) = remaining()?.let { it < millis } == true
