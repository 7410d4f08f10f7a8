package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldContainExactly
import io.kotest.matchers.ints.shouldBeLessThanOrEqual
import io.kotest.matchers.shouldBe
import io.kotest.matchers.types.shouldBeInstanceOf
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds

/** What the Go library yuku/numpool shows of itself holds here, too. */
class SharedBehaviourTest :
    StageSpec({
        test("sequential acquires get the first slot again and again") {
            val pool = stage.client().pool("sequential", 2)
            repeat(10) { pool.withResource { it.index } shouldBe 0 }
        }

        test("a blocked acquire goes on when a slot is freed") {
            coroutineScope {
                val pool = stage.client().pool("blocked", 1)
                val holder = pool.acquire()
                val blocked = queued(pool) { pool.acquire() }
                blocked.isCompleted shouldBe false
                holder.release()
                blocked.value().index shouldBe 0
            }
        }

        test("parallel acquires up to the capacity all hold at once, with different slots") {
            coroutineScope {
                val pool = stage.client().pool("parallel", 8)
                val held = List(8) { async(Dispatchers.Default) { pool.acquire() } }.awaitAll()
                held.map { it.index }.sorted() shouldContainExactly List(8) { it }
            }
        }

        test("contention at capacity 1: one at a time") {
            coroutineScope {
                val pool = stage.client().pool("contended", 1)
                val watch = Exclusive()
                List(100) { launch(Dispatchers.Default) { pool.withResource { watch.use(it) } } }.forEach { it.join() }
                watch.most shouldBe 1
                watch.uses shouldBe 100
            }
        }

        test("several instances of one pool share its slots") {
            coroutineScope {
                val client = stage.client()
                val instances = List(5) { client.pool("instances", 3) } + List(5) { stage.client().pool("instances", 3) }
                val watch = Exclusive()
                instances
                    .flatMap { pool ->
                        List(10) { launch(Dispatchers.Default) { pool.withResource { watch.use(it) } } }
                    }.forEach { it.join() }
                watch.most shouldBeLessThanOrEqual 3
                watch.uses shouldBe 100
                instances.first().awaitIdle()
            }
        }

        test("release is idempotent, and a double release frees nobody else's slot") {
            coroutineScope {
                val pool = stage.client().pool("double", 1)
                val first = pool.acquire()
                val second = queued(pool) { pool.acquire() }
                val third = queued(pool) { pool.acquire() }
                first.release()
                second.value().isHeld shouldBe true
                repeat(5) { first.release() shouldBe ResourceState.RELEASED }
                pool.status().let { it.held() to it.waiting() } shouldBe (1 to 1)
                second.value().release()
                third.value().release()
            }
        }

        test("an acquire that times out is not served later") {
            coroutineScope {
                val pool = stage.client().pool("timed out", 1)
                val holder = pool.acquire()
                shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 50.milliseconds) }
                holder.release()
                pool.awaitIdle()
            }
        }

        test("a cancelled acquire is not served, and holds nobody up") {
            coroutineScope {
                val pool = stage.client().pool("cancelled", 1)
                val holder = pool.acquire()
                val waiters = List(9) { queued(pool) { pool.withResource { } } }
                waiters.filterIndexed { i, _ -> i % 3 == 0 }.forEach { it.cancel() }
                pool.awaitWaiting(6)
                holder.release()
                waiters.filterIndexed { i, _ -> i % 3 != 0 }.forEach { it.value() }
                pool.awaitIdle()
            }
        }

        test("a long queue is served to its end, in order") {
            coroutineScope {
                val pools = List(4) { stage.client().pool("long queue", 1) }
                val holder = pools[0].acquire()
                val order = java.util.concurrent.ConcurrentLinkedQueue<Long>()
                val waiters = List(400) { i -> async(Dispatchers.Default) { pools[i % 4].withResource { order += it.token } } }
                pools[0].awaitWaiting(400)
                holder.release()
                waiters.awaitAll()
                order.toList() shouldBe order.sorted()
                order.size shouldBe 400
                pools[0].awaitIdle()
            }
        }

        test("the capacity limit: the next one over it waits") {
            val pool = stage.client().pool("limit", 5)
            val held = List(5) { pool.acquire() }
            pool.tryAcquire() shouldBe null
            held[3].release()
            pool.tryAcquire()!!.index shouldBe 3
        }

        test("rapid cycles of acquire and release leave nothing behind") {
            coroutineScope {
                val pools = List(2) { stage.client().pool("rapid", 3) }
                val watch = Exclusive()
                List(12) { i ->
                    launch(Dispatchers.Default) {
                        repeat(50) { pools[i % 2].withResource { watch.use(it) } }
                    }
                }.forEach { it.join() }
                watch.most shouldBeLessThanOrEqual 3
                watch.uses shouldBe 600
                pools[0].awaitIdle()
            }
        }

        test("deletion with waiters fails each of them") {
            coroutineScope {
                val clients = List(3) { stage.client() }
                val pools = clients.map { it.pool("deleted", 1) }
                val holder = pools[0].acquire()
                val waiters = List(12) { asking { pools[it % 3].acquire() } }
                pools[0].awaitWaiting(12)
                clients[2].deletePool("deleted")
                waiters.forEach { it.failure().shouldBeInstanceOf<PoolDeletedException>() }
                holder.awaitLost()
            }
        }

        test("concurrent creation and set-up: one pool, all take part") {
            coroutineScope {
                val clients = List(5) { async(Dispatchers.Default) { stage.client() } }.awaitAll()
                val watch = Exclusive()
                List(50) { i ->
                    launch(Dispatchers.Default) { clients[i % 5].pool("set up", 2, "site").withResource { watch.use(it) } }
                }.forEach { it.join() }
                watch.most shouldBeLessThanOrEqual 2
                watch.uses shouldBe 50
                clients[0].pools("set up").size shouldBe 1
            }
        }

        test("metadata races: one of many writers wins, all others see its value") {
            coroutineScope {
                val pools = List(5) { stage.client().pool("metadata race", 1, 0) }
                val won =
                    pools
                        .mapIndexed {
                            i,
                            pool,
                            ->
                            async(Dispatchers.Default) { runCatching { pool.updateMetadata(i + 1) }.isSuccess }
                        }.awaitAll()
                won.count { it } shouldBe 1
                pools.map { it.metadata<Int>() }.distinct() shouldBe listOf(won.indexOf(true) + 1)
            }
        }

        test("375 coroutines over 10 clients on 3 slots") {
            coroutineScope {
                val pools = List(10) { stage.client().pool("375", 3) }
                val watch = Exclusive()
                List(375) { i -> launch(Dispatchers.Default) { pools[i % 10].withResource { watch.use(it) } } }.forEach { it.join() }
                watch.uses shouldBe 375
                watch.most shouldBeLessThanOrEqual 3
                pools[0].awaitIdle()
            }
        }
    })

/** Sees whether a slot is used twice at a time, and how many are in use at most. */
private class Exclusive {
    private val slots = ConcurrentHashMap<Int, Long>()
    private val inside = AtomicInteger()
    private val seen = AtomicInteger()
    private val count = AtomicInteger()

    val most: Int get() = seen.get()
    val uses: Int get() = count.get()

    suspend fun use(resource: Resource) {
        check(slots.putIfAbsent(resource.index, resource.token) == null) { "slot ${resource.index} is used twice" }
        seen.accumulateAndGet(inside.incrementAndGet(), ::maxOf)
        delay(1.milliseconds)
        yield()
        inside.decrementAndGet()
        count.incrementAndGet()
        check(slots.remove(resource.index) == resource.token) { "slot ${resource.index} changed hands" }
    }
}
