package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldContainExactly
import io.kotest.matchers.collections.shouldContainExactlyInAnyOrder
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withTimeoutOrNull
import java.util.UUID
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.toKotlinDuration

class AcquireTest :
    StageSpec({
        test("slots are numbered from 0, tokens grow in the order of the grants") {
            val (a, b) = sharedPool(capacity = 3)
            val held = listOf(a.acquire(), b.acquire(), a.acquire())
            held.map { it.index } shouldContainExactly listOf(0, 1, 2)
            held.map { it.token } shouldBe held.map { it.token }.sorted().distinct()
            held.forEach { it.release() }
        }

        test("a freed slot goes to the first in line, whichever client it is of") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val holder = a.acquire()
                val order = mutableListOf<String>()
                val queue =
                    listOf("b1" to b, "a1" to a, "b2" to b, "a2" to a).map { (name, pool) ->
                        queued(pool) { pool.withResource { order += name } }
                    }
                holder.release()
                queue.forEach { it.value() }
                order shouldContainExactly listOf("b1", "a1", "b2", "a2")
            }
        }

        test("the lowest free slot goes to the lowest ticket") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 3)
                val held = List(3) { a.acquire() }
                val first = queued(b) { b.acquire() }
                held[2].release()
                first.value().index shouldBe 2
                held[1].release()
                held[0].release()
                b.acquire().index shouldBe 0
            }
        }

        test("a timeout tells pool, time, capacity, held, waiting and place, and leaves the queue") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 2)
                val held = List(2) { a.acquire() }
                val first = queued(a) { a.acquire() }
                val timeout = shouldThrow<AcquireTimeoutException> { b.acquire(timeout = 300.milliseconds) }
                timeout.pool shouldBe b.id
                timeout.waited.toKotlinDuration() shouldBeLessThan 20.seconds
                timeout.waited.toMillis() shouldBeGreaterThan 299
                timeout.capacity shouldBe 2
                timeout.held shouldBe 2
                timeout.waiting shouldBe 2
                timeout.place shouldBe 2
                timeout.message shouldContain
                    "pool '${b.id}' within ${timeout.waited.toMillis()} ms: 2 of 2 held, 2 waiting, this caller at place 2"
                a.awaitWaiting(1)
                held.forEach { it.release() }
                first.value().release()
                a.awaitIdle()
            }
        }

        test("a timeout tells the place that the caller had come to") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                a.acquire()
                val first = queued(a) { a.acquire() }
                val impatient = stage.client { pollInterval = 50.milliseconds }.pool(a.id)
                val second = queued(impatient) { impatient.acquire(timeout = 1.seconds) }
                first.cancel()
                b.awaitWaiting(1)
                (second.failure() as AcquireTimeoutException).place shouldBe 1
            }
        }

        test("a timeout of 0 tries once") {
            val (a, b) = sharedPool(capacity = 1)
            val holder = a.acquire(timeout = Duration.ZERO)
            val timeout = shouldThrow<AcquireTimeoutException> { b.acquire(timeout = Duration.ZERO) }
            timeout.place shouldBe 0
            timeout.capacity shouldBe 1
            timeout.held shouldBe 1
            holder.release()
            b.acquire(timeout = Duration.ZERO).release()
        }

        test("a long timeout does not delay a grant") {
            val (a, b) = sharedPool(capacity = 1)
            coroutineScope {
                val holder = a.acquire(timeout = 1.hours)
                val waiter = queued(b) { b.acquire(timeout = 1.hours) }
                holder.release()
                waiter.value().release()
            }
        }

        test("the label shows who holds and who waits for what") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val holder = a.acquire(label = "train model 7")
                holder.label shouldBe "train model 7"
                val waiter = queued(b) { b.acquire(label = "next 🚂") }
                val status = a.status()
                status.holders.single().label shouldBe "train model 7"
                status.queue.single().label shouldBe "next 🚂"
                holder.release()
                waiter.value().label shouldBe "next 🚂"
                a
                    .status()
                    .holders
                    .single()
                    .label shouldBe "next 🚂"
            }
        }

        test("a cancelled acquire leaves the queue, and the next is served") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val holder = a.acquire()
                val cancelled = queued(b) { b.acquire() }
                val next = queued(a) { a.acquire() }
                cancelled.cancel()
                a.awaitWaiting(1)
                holder.release()
                next.value().release()
                b.awaitIdle()
            }
        }

        test("a caller's own timeout around acquire leaks nothing") {
            val (a, b) = sharedPool(capacity = 1)
            val holder = a.acquire()
            withTimeoutOrNull(100.milliseconds) { b.acquire() } shouldBe null
            holder.release()
            a.awaitIdle()
        }
    })

class TryAcquireTest :
    StageSpec({
        test("tryAcquire takes a free slot, and never waits for one") {
            val (a, b) = sharedPool(capacity = 1)
            val resource = a.tryAcquire(label = "quick")!!
            resource.label shouldBe "quick"
            b.tryAcquire() shouldBe null
            a.status().waiting() shouldBe 0
            resource.release()
            b.tryAcquire()!!.release()
        }

        test("tryAcquire never overtakes") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                repeat(20) {
                    val holder = a.acquire()
                    val waiter = queued(b) { b.acquire() }
                    holder.close()
                    a.tryAcquire() shouldBe null
                    waiter.value().release()
                }
            }
        }
    })

class RequestIdTest :
    StageSpec({
        test("a request id that holds a slot gets the same slot again") {
            val pool = stage.client().pool("again", 3)
            val id = UUID.randomUUID()
            val first = pool.acquire(requestId = id)
            val second = pool.acquire(requestId = id)
            second.token shouldBe first.token
            pool.tryAcquire(requestId = id)!!.token shouldBe first.token
            pool.status().held() shouldBe 1
            second.release() shouldBe ResourceState.RELEASED
            first.release() shouldBe ResourceState.RELEASED
            pool.awaitIdle()
        }

        test("a request id that waits gets the same place again") {
            coroutineScope {
                val pool = stage.client().pool("same place", 1)
                val id = UUID.randomUUID()
                val holder = pool.acquire()
                val first = queued(pool) { pool.acquire(requestId = id) }
                val second = asking { pool.acquire(requestId = id) }
                val other = queued(pool) { pool.acquire() }
                pool.status().waiting() shouldBe 2
                holder.release()
                first.value().token shouldBe second.value().token
                first.value().release()
                other.value().release()
                pool.awaitIdle()
            }
        }

        test("one of two callers under an id may leave; the other still gets the slot") {
            coroutineScope {
                val pool = stage.client().pool("one leaves", 1)
                val id = UUID.randomUUID()
                val holder = pool.acquire()
                val patient = queued(pool) { pool.acquire(requestId = id) }
                shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 200.milliseconds, requestId = id) }
                pool.status().waiting() shouldBe 1
                holder.release()
                patient.value().release()
                pool.awaitIdle()
            }
        }

        test("many at once under one id share one slot") {
            coroutineScope {
                val pool = stage.client().pool("many", 4)
                val id = UUID.randomUUID()
                val all = List(20) { asking { pool.acquire(requestId = id) } }.map { it.value() }
                all.map { it.token }.distinct().size shouldBe 1
                pool.status().held() shouldBe 1
                all.first().release()
                pool.awaitIdle()
            }
        }

        test("a request id of another live client is refused, held or waiting") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val held = UUID.randomUUID()
                val waiting = UUID.randomUUID()
                val holder = a.acquire(requestId = held)
                shouldThrow<IllegalStateException> { b.acquire(requestId = held) }.message shouldContain held.toString()
                val waiter = queued(a) { a.acquire(requestId = waiting) }
                shouldThrow<IllegalStateException> { b.acquire(requestId = waiting) }.message shouldContain waiting.toString()
                holder.release()
                waiter.value().release()
                b.acquire(requestId = held).release()
            }
        }

        test("a request id may be used again after its release, and gets a new token") {
            val pool = stage.client().pool("reused", 1)
            val id = UUID.randomUUID()
            val first = pool.acquire(requestId = id)
            first.release()
            val second = pool.acquire(requestId = id)
            second.token shouldBeGreaterThan first.token
            second.close()
            pool.acquire(requestId = id).token shouldBeGreaterThan second.token
        }

        test("one id in two pools is two requests") {
            val client = stage.client()
            val id = UUID.randomUUID()
            val held = listOf("left", "right").map { client.pool(it, 1).acquire(requestId = id) }
            held.map { it.pool } shouldContainExactlyInAnyOrder listOf("left", "right")
            held.forEach { it.shouldBeInstanceOf<Resource>().release() }
        }
    })
