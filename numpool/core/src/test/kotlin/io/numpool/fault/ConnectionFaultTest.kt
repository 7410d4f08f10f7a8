package io.numpool.fault

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeGreaterThanOrEqualTo
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.Numpool
import io.numpool.NumpoolListener
import io.numpool.NumpoolMode
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.StoreUnavailableException
import io.numpool.internal.Client
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** Connections that break, notices that are lost. */
class ConnectionFaultTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }
        val quick = Pace.QUICK.orDefault()
        val steady = Pace.STEADY.orDefault()
        mayTake(20.minutes)

        fun pooled() =
            HikariDataSource(
                HikariConfig().apply {
                    dataSource = database.dataSource()
                    maximumPoolSize = 3
                },
            )

        test("pg_terminate_backend on the listener connection: it attaches again, and what is held stays held") {
            database.open("listener") { steady.set(this) }.use { client ->
                val pool = client.pool("listener", 1)
                val session = client.session
                val held = pool.acquire()
                repeated("listener terminated") { round ->
                    val before = database.attachNumber(session)
                    delay(round.random.nextLong(300))
                    database.terminate(database.listenerPids("listener"))
                    awaited("attached again") { database.attachNumber(session) > before }
                    client.awaitListening()
                    client.session shouldBe session
                    held.isHeld shouldBe true
                }
                held.release() shouldBe ResourceState.RELEASED
            }
        }

        test("pg_terminate_backend on every connection, again and again under load: nothing lost, nothing twice, nobody stuck") {
            val slots = 2
            repeated("everything terminated") { round ->
                pooled().use { connections ->
                    database.open("one", connections) { steady.set(this) }.use { one ->
                        database.open("two", connections) { steady.set(this) }.use { two ->
                            val sessions = listOf(one.session, two.session)
                            val using = AtomicInteger()
                            val most = AtomicInteger()
                            val pools = listOf(one.pool("everything", slots), two.pool("everything", slots))
                            coroutineScope {
                                val workers =
                                    List(8) { worker ->
                                        launch(Dispatchers.Default) {
                                            repeat(40) {
                                                pools[worker % 2].withResource {
                                                    most.accumulateAndGet(using.incrementAndGet(), ::maxOf)
                                                    delay(2.milliseconds)
                                                    using.decrementAndGet()
                                                }
                                            }
                                        }
                                    }
                                val breaker =
                                    launch(Dispatchers.IO) {
                                        while (true) {
                                            database.terminateAll()
                                            delay(100 + round.random.nextLong(100))
                                        }
                                    }
                                workers.joinAll()
                                breaker.cancel()
                            }
                            most.get() shouldBe slots
                            listOf(one.session, two.session) shouldBe sessions
                            awaited("every slot is free") { database.isFree("everything") }
                            one.awaitListening()
                            two.awaitListening()
                        }
                    }
                }
            }
        }

        test("a grant whose notice was sent while nobody listened is read after the next attach") {
            val connections = FaultyDataSource(database.dataSource())
            val listener = FaultyDataSource(database.dataSource())
            val waits =
                database.open("waits", connections) {
                    listener(listener)
                    pollInterval = NEVER
                    sessionTtl = 60.seconds
                    detachGrace = 20.seconds
                }
            waits.use {
                database.open("holds").use { holder ->
                    val held = holder.pool("reread", 1).acquire()
                    coroutineScope {
                        val next = queued(waits.pool("reread"))
                        listener.cut()
                        awaited("nobody listens") { waits.mode == NumpoolMode.CONNECTING && database.listenerPids("waits").isEmpty() }
                        held.release()
                        val notified = (holder as Client).counters.notifies
                        awaited("the notice is sent") { notified.sum() == 1L }
                        next.isCompleted shouldBe false
                        listener.mend()
                        next.soon().close()
                    }
                }
            }
        }

        /** A client whose database is away from now on; its session outlives the test. */
        suspend fun away(
            pool: String,
            test: suspend (Numpool, ResourcePool, FaultyDataSource) -> Unit,
        ) {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("away", connections) {
                    sessionTtl = 90.seconds
                    detachGrace = 30.seconds
                    openTimeout = 700.milliseconds
                    closeTimeout = 50.milliseconds
                }.use {
                    val view = it.pool(pool, 2)
                    connections.cut()
                    test(it, view, connections)
                    connections.mend()
                }
        }

        /** Fails when [time] is up, not before, and says why. */
        suspend fun unavailable(
            time: Duration,
            call: suspend () -> Any?,
        ) {
            val asked = TimeSource.Monotonic.markNow()
            val unavailable = shouldThrow<StoreUnavailableException> { withTimeout(PATIENCE) { call() } }
            asked.elapsedNow() shouldBeGreaterThanOrEqualTo time
            unavailable.message shouldContain "cut off"
            unavailable.host shouldNotBe ""
            unavailable.cause!!.message shouldBe "cut off"
        }

        test("a grace is counted by the reaper's clock, whatever the database's says") {
            val listener = FaultyDataSource(database.dataSource())
            val absent =
                database.open("absent", database.dataSource()) {
                    listener(listener)
                    sessionTtl = 60.seconds
                    detachGrace = 20.seconds
                }
            absent.use {
                database.open("reaper") { reaperTick = 100.milliseconds }.use {
                    val session = absent.session
                    listener.cut()
                    awaited("the reaper to have seen it") {
                        database.query("SELECT count(detached_since) FROM numpool.session WHERE id = $session") == "1"
                    }
                    database.execute("UPDATE numpool.session SET detached_since = detached_since - interval '1 hour' WHERE id = $session")
                    delay(1.seconds) // some ticks
                    listener.mend()
                    absent.awaitListening()
                    absent.session shouldBe session
                }
            }
        }

        test("the database is away: an acquire whose time is up says so, not before, and leaves nothing behind") {
            away("time up") { _, pool, connections ->
                unavailable(600.milliseconds) { pool.acquire(timeout = 600.milliseconds) }
                connections.mend()
                pool.acquire().release() shouldBe ResourceState.RELEASED
                awaited("nothing is left") { database.isFree("time up") }
            }
        }

        test("the database is away: an acquire that had its place in the queue says so when its time is up") {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("placed", connections) {
                    sessionTtl = 90.seconds
                    detachGrace = 30.seconds
                    pollInterval = 100.milliseconds
                }.use { client ->
                    val pool = client.pool("placed", 1)
                    val held = pool.acquire()
                    coroutineScope {
                        val next = async { runCatching { pool.acquire(timeout = 3.seconds) } }
                        awaited("it waits") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'placed'") == "1" }
                        connections.cut()
                        next.soon().exceptionOrNull().shouldBeInstanceOf<StoreUnavailableException>()
                        connections.mend()
                    }
                    held.release() shouldBe ResourceState.RELEASED
                    awaited("nothing is left") { database.isFree("placed") }
                }
        }

        test("the database is away: who tries once is told at once") {
            away("tried") { _, pool, _ ->
                coroutineScope {
                    val patient = async { pool.acquire() }
                    unavailable(Duration.ZERO) { pool.tryAcquire() }
                    unavailable(Duration.ZERO) { pool.acquire(timeout = Duration.ZERO) }
                    patient.isCompleted shouldBe false
                    patient.cancel()
                }
            }
        }

        test("the database is away: other calls say so when the open timeout is over") {
            away("called") { client, pool, _ ->
                unavailable(700.milliseconds) { pool.status() }
                unavailable(700.milliseconds) { client.pools("") }
                unavailable(700.milliseconds) { pool.withLock { } }
            }
        }

        test("the database is away for a while: what was asked meanwhile is done when it is back") {
            away("for a while") { _, pool, connections ->
                coroutineScope {
                    val acquire = async { pool.acquire(timeout = PATIENCE) }
                    val listing = async { pool.status() }
                    awaited("both have been refused") { connections.refused.get() > 4 }
                    acquire.isCompleted shouldBe false
                    connections.mend()
                    listing.soon().capacity shouldBe 2
                    acquire.soon().release() shouldBe ResourceState.RELEASED
                }
            }
        }

        test("a pool that nobody has used yet when the session is lost: who does not wait is served when the database is back") {
            val connections = FaultyDataSource(database.dataSource())
            val lost = AtomicInteger()
            val listener =
                object : NumpoolListener {
                    override fun disconnected(cause: Throwable?) {
                        lost.incrementAndGet()
                    }
                }
            database
                .open("unused", connections) {
                    pollOnly = true
                    sessionTtl = 1_200.milliseconds
                    detachGrace = 400.milliseconds
                    reaperTick = NEVER
                    listen(listener)
                }.use { client ->
                    val session = client.session
                    val pool = client.pool("unused", 1)
                    connections.cut()
                    awaited("its session is lost") { lost.get() > 0 }
                    val refused = connections.refused.get()
                    awaited("no other is opened") { connections.refused.get() > refused + 1 }
                    connections.mend()
                    awaited("another is opened") { client.session > session }
                    pool.tryAcquire()?.release() shouldBe ResourceState.RELEASED
                }
        }

        test("every NOTIFY dropped: waiters go on at the poll interval") {
            repeated("notices dropped") {
                TestPostgres.shared().newDatabase().use { deaf ->
                    deaf.open("holds") { pollInterval = NEVER }.use { holder ->
                        deaf.open("waits") { pollInterval = quick.poll }.use { waits ->
                            deaf.dropNotices()
                            val held = holder.pool("quiet", 1).acquire()
                            coroutineScope {
                                val next = List(1 + it.random.nextInt(3)) { queued(waits.pool("quiet", 1)) }
                                held.release()
                                next.forEach {
                                    val asked = TimeSource.Monotonic.markNow()
                                    it.soon().release()
                                    asked.elapsedNow() shouldBeLessThan 10.seconds
                                }
                            }
                            ((waits as Client).counters.pollsThatFoundWork.sum() >= 1) shouldBe true
                        }
                    }
                }
            }
        }

        test("a client that may not listen at all goes on by polling, and lives by its renewals") {
            database.open("holds").use { holder ->
                database
                    .open("polls") {
                        pollOnly = true
                        pollInterval = 100.milliseconds
                        sessionTtl = 1_500.milliseconds
                        detachGrace = 500.milliseconds
                    }.use { polls ->
                        val session = polls.session
                        val held = holder.pool("polled", 1).acquire()
                        coroutineScope {
                            val next = queued(polls.pool("polled"))
                            delay(3.seconds) // twice the ttl
                            held.release()
                            next.soon().release() shouldBe ResourceState.RELEASED
                        }
                        polls.session shouldBe session
                    }
            }
        }
    })
