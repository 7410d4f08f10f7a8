package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.longs.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.Resource
import io.numpool.ResourceState
import io.numpool.asking
import io.numpool.awaitWaiting
import io.numpool.failure
import io.numpool.queued
import io.numpool.testkit.TestPostgres
import io.numpool.value
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration.Companion.seconds

/** A request id is asked for again, and what it has changes while the answer is on its way. */
class RequestIdFaultTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val connections = FaultyDataSource(database.dataSource())
        val client =
            runBlocking {
                database.open("ours", connections) {
                    pollInterval = NEVER
                    sessionTtl = 60.seconds
                    detachGrace = 20.seconds
                    listener(database.dataSource())
                }
            }
        val theirs = runBlocking { database.open("theirs") }
        afterSpec {
            client.close()
            theirs.close()
            database.close()
        }

        /** [call] is made and answered, and then, before the answer arrives, [meanwhile]. */
        suspend fun <T> CoroutineScope.inFlight(
            call: suspend () -> T,
            meanwhile: suspend () -> Unit,
        ): Deferred<Result<T>> {
            val answer = connections.stallNextAnswer()
            val asking = asking(call)
            awaited("the answer is on its way") { answer.isReached }
            meanwhile()
            answer.end()
            return asking
        }

        test("its slot is given back: it gets another grant, not the same again") {
            val pool = client.pool("given back", 1)
            val id = UUID.randomUUID()
            coroutineScope {
                val first = pool.acquire(requestId = id)
                val second = inFlight({ pool.acquire(requestId = id) }) { first.close() }.value()
                second.token shouldBeGreaterThan first.token
                theirs.pool("given back").tryAcquire() shouldBe null
                second.release() shouldBe ResourceState.RELEASED
            }
        }

        test("its slot goes to the next waiter here: it waits behind that") {
            val pool = client.pool("handed over", 1)
            val id = UUID.randomUUID()
            coroutineScope {
                val first = pool.acquire(requestId = id)
                val next = queued(pool) { pool.acquire() }
                val second = inFlight({ pool.acquire(requestId = id) }) { first.close() }
                val heir = next.value()
                pool.awaitWaiting(1)
                second.isCompleted shouldBe false
                heir.release() shouldBe ResourceState.RELEASED
                second.value().token shouldBeGreaterThan heir.token
                second.value().release() shouldBe ResourceState.RELEASED
            }
        }

        test("its place is granted a slot: both callers have it") {
            val pool = client.pool("granted", 1)
            val id = UUID.randomUUID()
            coroutineScope {
                val before = theirs.pool("granted").acquire()
                val waiting = queued(pool) { pool.acquire(requestId = id) }
                var first: Resource? = null
                val second =
                    inFlight({ pool.acquire(requestId = id) }) {
                        before.release()
                        first = waiting.value()
                    }.value()
                second.token shouldBe first!!.token
                first.release() shouldBe ResourceState.RELEASED
                second.isHeld shouldBe false
                theirs.pool("granted").withResource { second.isHeld } shouldBe false
            }
        }

        test("its place is granted a slot, which is given back: it gets another grant") {
            val pool = client.pool("granted and given back", 1)
            val id = UUID.randomUUID()
            coroutineScope {
                val before = theirs.pool("granted and given back").acquire()
                val waiting = queued(pool) { pool.acquire(requestId = id) }
                var first = 0L
                val second =
                    inFlight({ pool.acquire(requestId = id) }) {
                        before.release()
                        waiting.value().use { first = it.token }
                    }.value()
                second.token shouldBeGreaterThan first
                second.release() shouldBe ResourceState.RELEASED
            }
        }

        test("its place is left: it keeps it") {
            val pool = client.pool("left", 1)
            val id = UUID.randomUUID()
            coroutineScope {
                val before = theirs.pool("left").acquire()
                val first = launch(Dispatchers.Default) { pool.acquire(requestId = id) }
                pool.awaitWaiting(1)
                val behind = queued(theirs.pool("left")) { theirs.pool("left").acquire() }
                val second = inFlight({ pool.acquire(requestId = id) }) { first.cancelAndJoin() }
                pool.awaitWaiting(2)
                before.release()
                val served = second.value()
                behind.isCompleted shouldBe false
                served.release() shouldBe ResourceState.RELEASED
                served.token shouldBeLessThan behind.value().token
                behind.value().release()
            }
        }

        test("one of its slots is given back: it is refused until the others are") {
            val pool = client.pool("several", 2)
            val id = UUID.randomUUID()
            coroutineScope {
                val first = pool.acquire(2, requestId = id)
                val second = inFlight({ pool.acquire(2, requestId = id) }) { first[0].close() }
                second.failure().shouldBeInstanceOf<IllegalStateException>()
                first.close()
                pool.acquire(2, requestId = id).release() shouldBe List(2) { ResourceState.RELEASED }
            }
        }

        test("many callers under one id, and some without: one slot has one holder, and every release is one") {
            val pool = client.pool("many", 1)
            val id = UUID.randomUUID()
            val holding = ConcurrentHashMap.newKeySet<Resource>()
            val wrong = ConcurrentLinkedQueue<String>()
            coroutineScope {
                repeat(CALLERS) { caller ->
                    launch(Dispatchers.Default) {
                        repeat(ROUNDS) {
                            val mine = pool.acquire(requestId = id.takeIf { caller > 0 })
                            holding += mine
                            val tokens = holding.filter { it.isHeld }.map { it.token }.distinct()
                            if (tokens.size > 1) wrong += "held at once: $tokens"
                            holding -= mine
                            val state = mine.release()
                            if (state != ResourceState.RELEASED) wrong += "$mine: $state"
                        }
                    }
                }
            }
            wrong.shouldBeEmpty()
        }
    })

private const val CALLERS = 4
private const val ROUNDS = 150
