package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.internal.Client
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

class ResourceTest :
    StageSpec({
        test("a held resource tells its pool, index, token and time") {
            val resource = stage.client().pool("telling", 2).acquire()
            resource.pool shouldBe "telling"
            resource.index shouldBe 0
            resource.isHeld shouldBe true
            resource.state shouldBe ResourceState.HELD
            resource.label shouldBe null
            await("time to pass", { resource.heldFor }) { it > 20.milliseconds }
            resource.toString() shouldContain "slot 0 of pool 'telling' (token ${resource.token}, HELD)"
        }

        test("a released resource says so, and its time stands still") {
            val resource = stage.client().pool("released", 1).acquire()
            resource.release() shouldBe ResourceState.RELEASED
            resource.isHeld shouldBe false
            resource.state shouldBe ResourceState.RELEASED
            resource.awaitLost() shouldBe null
            val time = resource.heldFor
            time shouldBeGreaterThan Duration.ZERO
            await("a while", { Any() }) { true }
            resource.heldFor shouldBe time
        }

        test("release may be called many times, with the same outcome") {
            val pool = stage.client().pool("twice", 1)
            val resource = pool.acquire()
            coroutineScope { List(10) { asking { resource.release() } }.forEach { it.value() shouldBe ResourceState.RELEASED } }
            resource.release() shouldBe ResourceState.RELEASED
            resource.close()
            pool.status().held() shouldBe 0
        }

        test("a second release sends nothing") {
            val client = stage.client()
            val sent = (client as Client).counters.items
            val pool = client.pool("sent once", 1)
            val resource = pool.acquire()
            resource.release()
            sent.sum() shouldBe 2
            resource.release()
            resource.close()
            pool.acquire().release() // after whatever they sent
            sent.sum() shouldBe 4
        }

        test("a second release does not free the slot of the next holder") {
            val (a, b) = sharedPool(capacity = 1)
            val first = a.acquire()
            first.release()
            val second = b.acquire()
            first.release()
            first.close()
            a
                .status()
                .holders
                .single()
                .token shouldBe second.token
            second.isHeld shouldBe true
        }

        test("close gives back without waiting, before every later call of the client") {
            val pool = stage.client().pool("closed", 1)
            repeat(20) { pool.acquire().use { it.isHeld shouldBe true } }
            pool.tryAcquire()!!.close()
            pool.tryAcquire()!!.close()
        }

        test("cancelling the wait for a release does not undo it") {
            coroutineScope {
                val pool = stage.client().pool("undone", 1)
                val resource = pool.acquire()
                launch { resource.release() }.cancelAndJoin()
                resource.close()
                pool.awaitIdle()
            }
        }
    })

class WithResourceTest :
    StageSpec({
        test("withResource returns the value of the block, and gives the slot back") {
            val pool = stage.client().pool("value", 1)
            pool.withResource(label = "seven") { it.label!! + it.index } shouldBe "seven0"
            pool.awaitIdle()
        }

        test("withResource gives the slot back on an exception, which it passes on") {
            val pool = stage.client().pool("exception", 1)
            val thrown = IllegalArgumentException("mine")
            shouldThrow<IllegalArgumentException> { pool.withResource { throw thrown } }.message shouldBe "mine"
            pool.awaitIdle()
        }

        test("withResource gives the slot back on cancellation, after the block has ended") {
            coroutineScope {
                val pool = stage.client().pool("cancellation", 1)
                val inside = CompletableDeferred<Resource>()
                var ended = false
                val job =
                    launch {
                        pool.withResource {
                            inside.complete(it)
                            try {
                                awaitCancellation()
                            } finally {
                                ended = it.isHeld
                            }
                        }
                    }
                inside.await()
                job.cancelAndJoin()
                ended shouldBe true
                pool.awaitIdle()
            }
        }

        test("withResource fails by timeout without running the block") {
            val pool = stage.client().pool("late", 1)
            pool.withResource {
                shouldThrow<AcquireTimeoutException> { pool.withResource(timeout = 100.milliseconds) { error("ran") } }
            }
            pool.awaitIdle()
        }

        test("a coroutine started in the block is part of it") {
            coroutineScope {
                val pool = stage.client().pool("structured", 1)
                val log = mutableListOf<String>()
                pool.withResource { slot ->
                    coroutineScope {
                        launch { log += "child of slot ${slot.index}" }
                    }
                    log += "block"
                }
                log shouldBe listOf("child of slot 0", "block")
            }
        }

        test("the loss of the slot cancels the block, and the call throws ResourceLostException") {
            coroutineScope {
                val client = stage.client()
                val pool = client.pool("lost", 1)
                val inside = CompletableDeferred<Resource>()
                var cancelled: Throwable? = null
                val call =
                    asking {
                        pool.withResource {
                            inside.complete(it)
                            try {
                                awaitCancellation()
                            } catch (e: CancellationException) {
                                cancelled = e
                                throw e
                            }
                        }
                    }
                val resource = inside.await()
                client.deletePool("lost")
                val lost = call.failure() as ResourceLostException
                lost.pool shouldBe "lost"
                lost.index shouldBe resource.index
                lost.token shouldBe resource.token
                lost.message shouldContain "deleted"
                (cancelled is CancellationException) shouldBe true
                resource.isHeld shouldBe false
                resource.state shouldBe ResourceState.LOST
                resource.awaitLost()!!.token shouldBe lost.token
            }
        }

        test("a caller that is itself cancelled hears of that, not of the loss") {
            coroutineScope {
                val client = stage.client()
                val pool = client.pool("both", 1)
                val inside = CompletableDeferred<Resource>()
                val mayEnd = CompletableDeferred<Unit>()
                val thrown = CompletableDeferred<Throwable?>()
                val caller =
                    launch {
                        val call =
                            runCatching {
                                pool.withResource {
                                    inside.complete(it)
                                    withContext(NonCancellable) { mayEnd.await() }
                                    awaitCancellation()
                                }
                            }
                        thrown.complete(call.exceptionOrNull())
                    }
                val resource = inside.await()
                client.deletePool("both")
                resource.awaitLost()
                caller.cancel()
                mayEnd.complete(Unit)
                thrown.await().shouldBeInstanceOf<CancellationException>()
            }
        }

        test("a block that ends by itself keeps its own exception though the slot is lost later") {
            val pool = stage.client().pool("own end", 1)
            val mine = IllegalStateException("mine")
            shouldThrow<IllegalStateException> { pool.withResource<Unit> { throw mine } }.message shouldBe "mine"
        }
    })

class WithLockTest :
    StageSpec({
        test("withLock runs one block at a time over all clients") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 4)
                var inside = 0
                var most = 0
                val all =
                    List(40) { i ->
                        asking {
                            (if (i % 2 == 0) a else b).withLock {
                                most = maxOf(most, ++inside)
                                kotlinx.coroutines.yield()
                                inside--
                                i
                            }
                        }
                    }
                all.map { it.value() } shouldBe List(40) { it }
                most shouldBe 1
            }
        }

        test("withLock is independent of slots") {
            val (a, b) = sharedPool(capacity = 1)
            a.withResource {
                b.withLock { "locked" } shouldBe "locked"
                b.status().let { it.held() to it.waiting() } shouldBe (1 to 0)
            }
            a.withLock { b.withResource { "slot" } } shouldBe "slot"
        }

        test("withLock holds no connection of the DataSource") {
            val dataSource = stage.hikari()
            val pool = stage.client(dataSource).pool("unconnected", 1)
            pool.withLock {
                pool.withResource { await("no connection in use", { dataSource.hikariPoolMXBean.activeConnections }) { it == 0 } }
            }
        }

        test("withLock gives up by timeout, and gives back on an exception") {
            val (a, b) = sharedPool(capacity = 1)
            a.withLock {
                val timeout = shouldThrow<AcquireTimeoutException> { b.withLock(timeout = 100.milliseconds) { error("ran") } }
                timeout.pool shouldBe b.id
                shouldThrow<AcquireTimeoutException> { b.withLock(timeout = Duration.ZERO) { error("ran") } }
            }
            shouldThrow<IllegalArgumentException> { a.withLock { throw IllegalArgumentException() } }
            b.withLock(timeout = PATIENCE) { "free" } shouldBe "free"
        }

        test("the lock does not show among the pools") {
            val client = stage.client()
            client.pool("guarded", 2).withLock {
                client.pools("").map { it.id }.filter { it.startsWith("guarded") } shouldBe listOf("guarded")
            }
        }
    })
