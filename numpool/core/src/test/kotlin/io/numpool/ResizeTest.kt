package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.shouldBe
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours

class ResizeTest :
    StageSpec({
        test("growing grants waiters of every client at once, in order") {
            coroutineScope {
                val (a, b) = List(2) { stage.client { pollInterval = 1.hours }.pool("grown", 1) }
                val holder = a.acquire()
                val waiters = listOf(b, a, b).map { pool -> queued(pool) { pool.acquire() } }
                a.resize(3)
                a.capacity shouldBe 3
                waiters[0].value().index shouldBe 1
                waiters[1].value().index shouldBe 2
                b.awaitWaiting(1)
                waiters[2].isCompleted shouldBe false
                holder.release()
                waiters[2].value().index shouldBe 0
            }
        }

        test("shrinking drains the highest slots") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 3)
                val held = List(3) { b.acquire() }
                a.resize(1)
                a.status().let { Triple(it.capacity, it.held(), it.free()) } shouldBe Triple(1, 3, 0)
                held[2].isHeld shouldBe true
                held[2].release() shouldBe ResourceState.RELEASED
                held[1].release() shouldBe ResourceState.RELEASED
                val waiter = queued(a) { a.acquire() }
                shouldThrow<AcquireTimeoutException> { b.acquire(timeout = Duration.ZERO) }.capacity shouldBe 1
                val next = queued(b) { b.acquire() }
                held[0].release()
                waiter.value().let {
                    it.index shouldBe 0
                    b.awaitWaiting(1)
                    b.tryAcquire() shouldBe null
                    it.release()
                }
                next.value().index shouldBe 0
            }
        }

        test("a pool that shrank and grew again grants all its slots") {
            val (a, b) = sharedPool(capacity = 4)
            val high = List(4) { a.acquire() }.last()
            b.resize(2)
            b.resize(8192)
            b.resize(5)
            val more = List(1) { b.acquire() }
            more.map { it.index } shouldBe listOf(4)
            b.tryAcquire() shouldBe null
            high.release()
            a.acquire().index shouldBe 3
        }

        test("resize of a pool that is gone says so") {
            val client = stage.client()
            val pool = client.pool("gone", 1)
            client.deletePool("gone")
            shouldThrow<NumpoolException> { pool.resize(2) }
        }
    })
