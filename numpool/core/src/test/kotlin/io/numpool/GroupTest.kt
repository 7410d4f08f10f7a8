package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import java.time.Duration
import java.util.UUID
import java.util.concurrent.atomic.AtomicInteger
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds

/** Several slots at once. */
class GroupTest :
    StageSpec({
        test("several slots come together, with the lowest indexes and tokens that follow each other") {
            val pool = stage.client().pool("several", 5)
            val first = pool.acquire()
            val group = pool.acquire(3)
            group.map { it.index } shouldBe listOf(1, 2, 3)
            group.map { it.token } shouldBe List(3) { first.token + 1 + it }
            group.isHeld shouldBe true
            pool.status().holders.map { it.token } shouldBe listOf(first.token) + group.map { it.token }
            group.release() shouldBe List(3) { ResourceState.RELEASED }
            group.isHeld shouldBe false
            pool.awaitHeld(1)
        }

        test("each can be given back by itself, and the rest all at once") {
            val pool = stage.client().pool("piecemeal", 3)
            val group = pool.acquire(3)
            group[1].release() shouldBe ResourceState.RELEASED
            pool.status().holders.map { it.index } shouldBe listOf(0, 2)
            pool.acquire().index shouldBe 1
            group.isHeld shouldBe false
            group.close()
            pool.awaitHeld(1)
        }

        test("who waits for several lets nobody pass, and is served when there are enough") {
            coroutineScope {
                val (a, b) = sharedPool(3)
                val held = List(2) { a.acquire() }
                val several = queued(b) { b.acquire(3) }
                b.queue().single().slots shouldBe 3
                val behind = queued(a) { a.acquire() }
                a.tryAcquire() shouldBe null
                held[0].release()
                a.status().held() shouldBe 1
                b.queue().map { it.slots } shouldBe listOf(3, 1)
                held[1].release()
                val group = several.value()
                group.map { it.index } shouldBe listOf(0, 1, 2)
                group[2].release()
                behind.value().index shouldBe 2
            }
        }

        test("who waits for several and gives up makes way for those behind") {
            coroutineScope {
                val (a, b) = sharedPool(2)
                a.acquire()
                val several = asking { b.acquire(2, timeout = 500.milliseconds) }
                b.awaitWaiting(1)
                val behind = queued(a) { a.acquire() }
                several.failure().shouldBeInstanceOf<AcquireTimeoutException>().place shouldBe 1
                behind.value().index shouldBe 1
            }
        }

        test("a dead client's wait for several is in nobody's way") {
            coroutineScope {
                val (a, b) = sharedPool(2)
                val held = a.acquire()
                val several = queued(b) { b.acquire(2) }
                val behind = queued(a) { a.acquire() }
                val session =
                    a
                        .queue()
                        .first()
                        .who.session
                stage.database.execute("UPDATE numpool.session SET dead = now() WHERE id = $session")
                behind.value().index shouldBe 1
                held.release()
                several.cancel()
            }
        }

        test("an attempt gets all or none") {
            val (a, b) = sharedPool(3)
            val held = a.acquire()
            b.tryAcquire(3) shouldBe null
            b.status().let { it.held() to it.waiting() } shouldBe (1 to 0)
            b.tryAcquire(2)!!.map { it.index } shouldBe listOf(1, 2)
            shouldThrow<AcquireTimeoutException> { a.acquire(2, timeout = kotlin.time.Duration.ZERO) }
            held.release()
        }

        test("more than there are fails at once, and says how many there are") {
            val pool = stage.client().pool("too many", 2)
            val failure = shouldThrow<CapacityExceededException> { pool.acquire(3) }
            listOf(failure.pool, failure.slots, failure.capacity) shouldBe listOf("too many", 3, 2)
            shouldThrow<CapacityExceededException> { pool.tryAcquire(3) }
            for (slots in listOf(0, -1, 8193)) shouldThrow<IllegalArgumentException> { pool.acquire(slots) }.message shouldContain "$slots"
            pool.status().let { it.held() to it.waiting() } shouldBe (0 to 0)
        }

        test("a pool that is made smaller fails who waits for more, in every client, and serves those behind") {
            coroutineScope {
                val (a, b) = sharedPool(4)
                val held = a.acquire(2)
                val waiters = listOf(a, b).map { pool -> queued(pool) { pool.acquire(4) } }
                val behind = queued(b) { b.acquire(2) }
                a.resize(3)
                waiters.forEach { it.failure().shouldBeInstanceOf<CapacityExceededException>().capacity shouldBe 3 }
                a.awaitWaiting(1)
                held.close()
                behind.value().size shouldBe 2
            }
        }

        test("a group that was granted while its caller was cancelled is given back whole") {
            coroutineScope {
                val (a, b) = sharedPool(3)
                repeat(50) {
                    val held = a.acquire()
                    val call = launch(Dispatchers.Default) { b.acquire(3).close() }
                    b.awaitWaiting(1)
                    launch(Dispatchers.Default) { held.close() }
                    call.cancel()
                    call.join()
                }
                a.awaitIdle()
            }
        }

        test("one request id gets one group, and no other number of slots") {
            coroutineScope {
                val (a, b) = sharedPool(3)
                val id = UUID.randomUUID()
                val held = b.acquire()
                val first = queued(a) { a.acquire(3, requestId = id) }
                val second = asking { a.acquire(3, requestId = id) }
                val other = asking { a.acquire(2, requestId = id) }
                other.failure().shouldBeInstanceOf<IllegalStateException>().message shouldContain "3 slots"
                held.release()
                first.value().map { it.token } shouldBe second.value().map { it.token }
                a.acquire(3, requestId = id).map { it.token } shouldBe first.value().map { it.token }
                asking { a.acquire(1, requestId = id) }.failure().shouldBeInstanceOf<IllegalStateException>()
                a.status().held() shouldBe 3
                first.value().close()
            }
        }

        test("withResources gives all back, and ends when one of them is lost") {
            val pool = stage.client().pool("block", 3)
            pool.withResources(2) { it.size } shouldBe 2
            pool.awaitIdle()
            val started = CompletableDeferred<ResourceGroup>()
            coroutineScope {
                val block =
                    asking {
                        pool.withResources(3) {
                            started.complete(it)
                            awaitCancellation()
                        }
                    }
                val group = started.await()
                pool.evict(group[1].index) shouldBe true
                block.failure().shouldBeInstanceOf<ResourceLostException>().index shouldBe group[1].index
            }
            pool.awaitIdle()
        }

        test("random mixes of sizes over 4 clients: all or none, first come first served, nobody stuck") {
            val seed = Random.nextLong()
            println("seed of the mixes: $seed")
            val pools = List(4) { stage.client().pool("mixed", MIXED) }
            val histories = List(4) { History.inMemory("client $it") }
            val groups = AtomicInteger()
            val left = AtomicInteger()
            withContext(Dispatchers.Default) {
                pools.forEachIndexed { nth, pool ->
                    repeat(4) { worker ->
                        launch {
                            val random = Random(seed + nth * 4 + worker)
                            repeat(40) { turn ->
                                val asked = List(random.nextInt(1, MIXED + 1)) { "$nth-$worker-$turn-$it" }
                                // its sub-requests stand in line behind each other, as its tokens do
                                asked.forEach { histories[nth].asked("mixed", it) }
                                val group =
                                    try {
                                        pool.acquire(
                                            asked.size,
                                            timeout =
                                                if (random.nextInt(4) ==
                                                    0
                                                ) {
                                                    random.nextInt(40).milliseconds
                                                } else {
                                                    PATIENCE
                                                },
                                        )
                                    } catch (_: AcquireTimeoutException) {
                                        left.incrementAndGet()
                                        asked.forEach { histories[nth].left("mixed", it) }
                                        return@repeat
                                    }
                                if (group.size > 1) groups.incrementAndGet()
                                group.map { it.token } shouldBe List(asked.size) { group[0].token + it }
                                group.forEachIndexed { i, it -> histories[nth].granted("mixed", asked[i], it.index, it.token) }
                                delay(random.nextInt(3).milliseconds)
                                group.isHeld shouldBe true
                                group.forEach { histories[nth].ended("mixed", it.index, it.token) }
                                group.close()
                            }
                        }
                    }
                }
            }
            println("${groups.get()} groups of several, ${left.get()} gave up")
            groups.get() shouldBeGreaterThan 100
            left.get() shouldBeGreaterThan 5
            // who waits for many leaves slots free
            HistoryChecker
                .of(History.merge(histories))
                .idleBound(Duration.ofHours(1))
                .handOver()
                .check()
                .violations()
                .shouldBeEmpty()
            pools[0].awaitIdle()
            stage.count("numpool.waiter") shouldBe 0
        }
    })

private const val MIXED = 6
