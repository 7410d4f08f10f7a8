package io.numpool.fault

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.concurrency.TestExecutionMode
import io.kotest.matchers.longs.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.AcquireTimeoutException
import io.numpool.Numpool
import io.numpool.NumpoolMode
import io.numpool.PoolDeletedException
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.StoreUnavailableException
import io.numpool.testkit.TestPostgres
import io.numpool.testkit.WireDirection
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.TimeSource

/** Networks that swallow everything, and tell nobody. */
class WireHoleTest :
    FunSpec({
        testExecutionMode = TestExecutionMode.LimitedConcurrency(5) // they wait, each on a database of its own
        mayTake(10.minutes + 2.minutes * REPETITIONS)
        val pace = Pace.QUICK.orDefault()
        val unhurried = Pace.FAST.orDefault()

        /** A client on wires of its own, and a pool of one slot that it shares with a bystander. */
        suspend fun onWire(
            round: Round,
            source: Source = round.source,
            paceOfAll: Pace = pace,
            test: suspend (Wired, ResourcePool, Numpool) -> Unit,
        ) = TestPostgres.shared().newDatabase().use { database ->
            database.bystander(paceOfAll).use { bystander ->
                bystander.pool(HOLE, 1)
                val wired = database.wired("wired", source, paceOfAll)
                try {
                    test(wired, wired.client.pool(HOLE), bystander)
                } finally {
                    withContext(Dispatchers.IO) { wired.close() }
                }
                awaited("nothing is left of the pool") { database.isFree(HOLE) }
                awaited("one session is left") { database.query("SELECT count(*) FROM numpool.session") == "1" }
            }
        }

        /** The holder is in a hole, and somebody else waits. */
        suspend fun lostAndGrantedOn(
            pool: ResourcePool,
            theirs: ResourcePool,
            fall: suspend () -> Unit,
            lost: () -> Unit,
        ) = coroutineScope {
            val user = User(pool)
            val using = async(Dispatchers.Default) { user.use() }
            user.began.await()
            val next = queued(theirs) { it.acquire().also { user.grantedNanos = System.nanoTime() } }
            fall()
            withTimeout(LONG) { using.await() }
            lost()
            val granted = withTimeout(LONG) { next.await() }
            println("lost ${user.ahead} before it was granted on")
            user.lastHeldNanos shouldBeLessThan user.grantedNanos
            user.endedNanos shouldBeLessThan user.grantedNanos
            granted.release() shouldBe ResourceState.RELEASED
        }

        suspend fun goesOn(
            source: Source,
            pool: ResourcePool,
        ) {
            val healed = TimeSource.Monotonic.markNow()
            withTimeout(LONG) { pool.acquire().release() shouldBe ResourceState.RELEASED }
            println("$source goes on after ${healed.elapsedNow()}")
        }

        suspend fun listensAgain(wired: Wired) {
            val healed = TimeSource.Monotonic.markNow()
            withTimeout(LONG) { while (wired.client.mode != NumpoolMode.LISTENING) delay(5.milliseconds) }
            println("listens after ${healed.elapsedNow()}")
        }

        for (hole in Hole.entries) {
            for (end in End.entries) {
                test("$hole is swallowed, $end: lost to its holder before it is granted on, and the client goes on") {
                    repeated(testCase.name.name, AT_A_TIME) { round ->
                        onWire(round) { wired, pool, bystander ->
                            val session = wired.client.session
                            val early = round.random.nextBoolean()
                            lostAndGrantedOn(
                                pool,
                                bystander.pool(HOLE),
                                fall = {
                                    delay(round.random.nextLong(pace.grace.inWholeMilliseconds))
                                    wired.both { hole.open(this) }
                                },
                                lost = { if (early) wired.both { end.heal(this) } },
                            )
                            wired.both { end.heal(this) }
                            goesOn(round.source, pool)
                            wired.client.session shouldNotBe session
                            listensAgain(wired)
                        }
                    }
                }
            }
        }

        test("only the calls' connections are swallowed, and the pool is deleted: who holds a slot and asks for another loses it in time") {
            repeated(testCase.name.name, AT_A_TIME) { round ->
                onWire(round) { wired, pool, bystander ->
                    val session = wired.client.session
                    val held = pool.acquire()
                    wired.calls.swallow()
                    coroutineScope {
                        val asking = async(Dispatchers.Default) { runCatching { pool.acquire() } }
                        bystander.deletePool(HOLE)
                        awaited("it is lost") { !held.isHeld }
                        wired.client.session shouldBe session
                        wired.both { End.FORGOTTEN.heal(this) }
                        withTimeout(LONG) { asking.await() }.exceptionOrNull().shouldBeInstanceOf<PoolDeletedException>()
                    }
                    held.release() shouldBe ResourceState.LOST
                }
            }
        }

        test("a connection that a client opened with a URL is making is swallowed for ever: it makes another") {
            TestPostgres.shared().newDatabase().use { database ->
                WireProxy.inFrontOf(database).use { wire ->
                    wire.swallow()
                    coroutineScope {
                        val url = "${wire.url(database)}&sslmode=disable" // the driver has a bound for the question whether there is TLS
                        val opening = async(Dispatchers.Default) { Numpool.open(url) { openTimeout = LONG } }
                        awaited("the server's greeting is waited for") { wire.connections() > 0 }
                        End.FORGOTTEN.heal(wire)
                        opening.await().use { it.pool(HOLE, 1).withResource { slot -> slot.index } } shouldBe 0
                    }
                }
            }
        }

        test("the connection of a client that opens is swallowed for ever in the middle of a call: it calls again on another") {
            TestPostgres.shared().newDatabase().use { database ->
                WireProxy.inFrontOf(database).use { wire ->
                    database.connect().use { inTheWay ->
                        inTheWay.autoCommit = false
                        inTheWay.createStatement().use { it.execute("LOCK TABLE numpool.session") }
                        coroutineScope {
                            val opening =
                                async(Dispatchers.Default) {
                                    Numpool.open(wire.url(database)) {
                                        migrate = false
                                        openTimeout = 10.minutes
                                    }
                                }
                            awaited("its call waits") {
                                database.query(
                                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
                                ) == "1"
                            }
                            End.FORGOTTEN.heal(wire)
                            inTheWay.rollback()
                            withTimeout(LONG) { opening.await() }.use { it.pool(HOLE, 1).withResource { slot -> slot.index } } shouldBe 0
                        }
                    }
                }
            }
        }

        for (end in End.entries) {
            test("only the listener's connection is swallowed, $end: lost before it is granted on, and it goes on without listening") {
                repeated(testCase.name.name, AT_A_TIME) { round ->
                    onWire(round) { wired, pool, bystander ->
                        val sessions = mutableSetOf(wired.client.session)
                        lostAndGrantedOn(pool, bystander.pool(HOLE), fall = { wired.listener.swallow() }, lost = {})
                        val until = TimeSource.Monotonic.markNow() + unhurried.ttl * 1.25
                        while (until.hasNotPassedNow()) {
                            withTimeout(LONG) { pool.acquire().release() }
                            sessions += wired.client.session
                        }
                        println("sessions $sessions")
                        end.heal(wired.listener)
                        listensAgain(wired)
                        goesOn(round.source, pool)
                    }
                }
            }

            for (source in Source.entries) {
                test(
                    "only the calls' connections ($source) are swallowed, $end: what is held stays held, and calls are made when they can be",
                ) {
                    repeated(testCase.name.name, AT_A_TIME) { round ->
                        onWire(round, source, unhurried) { wired, pool, _ ->
                            val session = wired.client.session
                            val held = pool.acquire()
                            wired.calls.swallow()
                            val asked = TimeSource.Monotonic.markNow()
                            val refused = runCatching { pool.acquire(500.milliseconds) }.exceptionOrNull()
                            println("$refused after ${asked.elapsedNow()}")
                            (refused is AcquireTimeoutException || refused is StoreUnavailableException) shouldBe true
                            val until = TimeSource.Monotonic.markNow() + pace.ttl * 2
                            while (until.hasNotPassedNow()) {
                                held.isHeld shouldBe true
                                delay(5.milliseconds)
                            }
                            coroutineScope {
                                val release = async { held.release() }
                                end.heal(wired.calls)
                                val healed = TimeSource.Monotonic.markNow()
                                withTimeout(LONG) { release.await() } shouldBe ResourceState.RELEASED
                                println("$source released after ${healed.elapsedNow()}")
                            }
                            goesOn(source, pool)
                            wired.client.session shouldBe session
                        }
                    }
                }
            }
        }
    })

private const val HOLE = "hole"

/** For what is long at the default settings. */
private val LONG = PATIENCE * 2 + Pace.QUICK.orDefault().ttl

private enum class Hole(
    private val text: String,
    val open: WireProxy.() -> Unit,
) {
    BOTH("everything", { swallow() }),
    TO_SERVER("what the client sends", { swallow(WireDirection.TO_SERVER) }),
    TO_CLIENT("what the server answers", { swallow(WireDirection.TO_CLIENT) }),
    ;

    override fun toString(): String = text
}

private enum class End(
    private val text: String,
    val heal: WireProxy.() -> Unit,
) {
    RESUMED("and arrives late", { resume() }),
    FORGOTTEN("for ever on the connections that there are", {
        forget()
        resume()
    }),
    ;

    override fun toString(): String = text
}

/** Uses a slot until it is lost. */
private class User(
    private val pool: ResourcePool,
) {
    val began = CompletableDeferred<Resource>()

    /** When it last could say that it has the slot. */
    var lastHeldNanos = 0L
        private set

    /** When its block had ended. */
    var endedNanos = 0L
        private set

    @Volatile var grantedNanos = 0L

    val ahead: Duration get() = (grantedNanos - endedNanos).nanoseconds

    suspend fun use() {
        shouldThrow<ResourceLostException> {
            pool.withResource {
                began.complete(it)
                while (true) {
                    val now = System.nanoTime()
                    if (it.isHeld) lastHeldNanos = now
                    delay(1.milliseconds)
                }
            }
        }
        endedNanos = System.nanoTime()
    }
}
