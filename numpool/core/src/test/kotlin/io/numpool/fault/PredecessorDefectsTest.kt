package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.NumpoolListener
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.Resource
import io.numpool.ResourceState
import io.numpool.testkit.Signals
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import java.time.Duration
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** The six known defects of the Go library yuku/numpool, one test or more each. */
class PredecessorDefectsTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }

        suspend fun two(test: suspend (Numpool, Numpool) -> Unit) =
            database.open("one") { pollInterval = NEVER }.use { one ->
                database.open("two") { pollInterval = NEVER }.use { two -> test(one, two) }
            }

        test("1: a freed slot goes to the first in line, whoever asks at that moment") {
            two { one, two ->
                val here = one.pool("steal", 1)
                val there = two.pool("steal", 1)
                repeat(ROUNDS) {
                    val held = here.acquire()
                    coroutineScope {
                        val first = queued(there)
                        held.close() // goes in one call with the next line's
                        val newcomers =
                            listOf(
                                here,
                                there,
                                here,
                                there,
                            ).map { launch(Dispatchers.Default) { it.tryAcquire() shouldBe null } }
                        newcomers.joinAll()
                        first.soon().release() shouldBe ResourceState.RELEASED
                    }
                }
            }
        }

        test("2: a waiter cancelled just when it is granted does not swallow the slot of the next") {
            two { one, two ->
                val here = one.pool("swallow", 1)
                val there = two.pool("swallow", 1)
                repeat(ROUNDS) {
                    val held = here.acquire()
                    coroutineScope {
                        val first = queued(there)
                        val next = queued(here)
                        val cancelling = launch(Dispatchers.Default) { first.cancelAndJoin() }
                        held.close()
                        cancelling.join()
                        if (first.isCompleted && !first.isCancelled) first.await().close()
                        next.soon().release() shouldBe ResourceState.RELEASED
                    }
                }
                awaited("every slot is free") { database.isFree("swallow") }
            }
        }

        test("2: a waiter cancelled while its grant is on the way to the client passes the slot on") {
            val connections = FaultyDataSource(database.dataSource())
            database
                .open("stalled", connections) {
                    listener(database.dataSource())
                    pollInterval = NEVER
                }.use { client ->
                    val pool = client.pool("on the way", 1)
                    coroutineScope {
                        val call = connections.stallNextCall()
                        val cancelled = async(Dispatchers.Default) { pool.acquire() }
                        awaited("it is asked for") { call.isReached }
                        cancelled.cancelAndJoin()
                        call.end()
                        pool.acquire(timeout = PATIENCE).release() shouldBe ResourceState.RELEASED
                    }
                    awaited("every slot is free") { database.isFree("on the way") }
                }
        }

        test("2: a waiter cancelled after its grant and before it runs again passes the slot on") {
            val granted = Signals<Long>("grants")
            val thread = Executors.newSingleThreadExecutor()
            val tell =
                object : NumpoolListener {
                    override fun acquired(
                        pool: String,
                        index: Int,
                        token: Long,
                        waited: Duration,
                    ) = granted.send(token)
                }
            database.open("resumed") { listen(tell) }.use { client ->
                val pool = client.pool("resumed", 1)
                val held = pool.acquire()
                granted.next("the first grant") { it == held.token }
                coroutineScope {
                    val cancelled = async(thread.asCoroutineDispatcher()) { pool.acquire() }
                    awaited("it waits") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'resumed'") == "1" }
                    val busy = CountDownLatch(1)
                    thread.execute(busy::await)
                    held.release()
                    withContext(Dispatchers.IO) { granted.next("the second grant") { it > held.token } }
                    cancelled.cancel()
                    busy.countDown()
                    pool.acquire(timeout = PATIENCE).release() shouldBe ResourceState.RELEASED
                }
                awaited("every slot is free") { database.isFree("resumed") }
            }
            thread.shutdown()
        }

        test("2: a waiter whose process is dead does not swallow the slot of the next") {
            val connections = FaultyDataSource(database.dataSource())
            database.open("next") { reaperTick = 100.milliseconds }.use { alive ->
                val pool = alive.pool("dead waiter", 1)
                val held = pool.acquire()
                coroutineScope {
                    val dying = database.open("dead", connections) { briefly() }
                    val dead = queued(dying.pool("dead waiter"))
                    val next = queued(pool)
                    connections.cut()
                    held.release() // to the dead one, of which nobody knows yet
                    next.soon().release() shouldBe ResourceState.RELEASED
                    dead.cancel()
                    dying.close()
                }
                awaited("nothing is left") { database.isFree("dead waiter") }
            }
        }

        test("3: a crashed holder's slot comes back") {
            val connections = FaultyDataSource(database.dataSource())
            database.open("waits") { pollInterval = NEVER }.use { waits ->
                database.open("reaps") { reaperTick = 100.milliseconds }.use {
                    val dying = database.open("crashed", connections) { briefly() }
                    val session = dying.session
                    val held = dying.pool("crashed", 1).acquire()
                    connections.cut()
                    waits.pool("crashed").acquire(timeout = PATIENCE).use { it.token shouldBeGreaterThan held.token }
                    awaited("nothing is left of it") { database.query("SELECT count(*) FROM numpool.session WHERE id = $session") == "0" }
                    dying.close()
                }
            }
        }

        test("4: releasing twice does not free the slot of who got it next") {
            two { one, two ->
                val held = one.pool("twice", 1).acquire()
                held.release() shouldBe ResourceState.RELEASED
                two.pool("twice").acquire().use { next ->
                    held.release() shouldBe ResourceState.RELEASED
                    held.close()
                    one.pool("twice").tryAcquire() shouldBe null
                    next.isHeld shouldBe true
                }
            }
        }

        test("4: a release that comes after the slot was granted on frees nothing, and says that it was lost") {
            val connections = FaultyDataSource(database.dataSource())
            database.open("next") { reaperTick = 100.milliseconds }.use { alive ->
                database.open("late", connections) { briefly() }.use { late ->
                    val held = late.pool("late", 1).acquire()
                    val pool = alive.pool("late")
                    connections.cut()
                    pool.acquire(timeout = PATIENCE).use { next ->
                        connections.mend()
                        held.release() shouldBe ResourceState.LOST
                        pool.tryAcquire() shouldBe null
                        pool
                            .status()
                            .holders
                            .single()
                            .token shouldBe next.token
                    }
                }
            }
        }

        test("5: the longest ids and names, of the widest characters, in the schema of the longest name: notices arrive") {
            val widest = "\uD55C".repeat(100)
            val longest = "s".repeat(63)
            TestPostgres.shared().emptyDatabase().use { fresh ->
                suspend fun open() =
                    fresh.open("n".repeat(100)) {
                        schema = longest
                        migrate = true
                        pollInterval = NEVER
                    }
                open().use { one ->
                    open().use { two ->
                        val held = one.pool(widest, 1).acquire()
                        coroutineScope {
                            val next = queued(two.pool(widest))
                            held.release()
                            next.soon().release() shouldBe ResourceState.RELEASED
                        }
                    }
                }
            }
        }

        test("6: a client whose listener is gone goes on: what it holds stays held, it acquires, and it listens again when it can") {
            val listener = FaultyDataSource(database.dataSource())
            database.open("other").use { other ->
                database
                    .open("deaf") {
                        listener(listener)
                        detachGrace = 10.seconds
                        pollInterval = 100.milliseconds
                    }.use { client ->
                        val pool = client.pool("deaf", 2)
                        val before = pool.acquire()
                        listener.cut()
                        awaited("it does not listen") { client.mode == NumpoolMode.CONNECTING }
                        val during = pool.acquire()
                        coroutineScope {
                            val held: List<Resource> = listOf(before, during)
                            val waiting = queued(pool)
                            val elsewhere = queued(other.pool("deaf"))
                            held.forEach { it.release() shouldBe ResourceState.RELEASED }
                            waiting.soon().release() shouldBe ResourceState.RELEASED
                            elsewhere.soon().release() shouldBe ResourceState.RELEASED
                        }
                        listener.mend()
                        client.awaitListening()
                        pool.acquire().release() shouldBe ResourceState.RELEASED
                    }
            }
        }
    })

private const val ROUNDS = 15

private fun NumpoolOptions.Builder.briefly() {
    detachGrace = 400.milliseconds
    sessionTtl = 1_200.milliseconds
    closeTimeout = 50.milliseconds
}
