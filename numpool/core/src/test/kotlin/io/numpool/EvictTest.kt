package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.nulls.shouldNotBeNull
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.fault.dropNotices
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** An operator asks for slots back. */
class EvictTest :
    StageSpec({
        suspend fun Resource.lostSoon() = withTimeout(PATIENCE) { awaitLost() }.shouldNotBeNull()

        test("the holder, in another process, sees its resource lost; the slot goes on when it has closed it") {
            coroutineScope {
                val (operator, holder) = sharedPool(1)
                val held = holder.acquire()
                val next = queued(operator) { operator.acquire() }
                operator.evict(0) shouldBe true
                held.lostSoon().reason shouldContain "evicted"
                held.isHeld shouldBe false
                held.state shouldBe ResourceState.LOST
                operator
                    .status()
                    .holders
                    .single()
                    .token shouldBe held.token
                operator.evict(0) shouldBe true // a second order changes nothing
                held.close()
                val granted = next.value()
                granted.index shouldBe 0
                stage.count("numpool.eviction") shouldBe 0
                granted.isHeld shouldBe true
                granted.release() shouldBe ResourceState.RELEASED
            }
        }

        test("a block is cancelled, and its slot goes on when it has ended") {
            coroutineScope {
                val (operator, holder) = sharedPool(1)
                val started = CompletableDeferred<Resource>()
                val mayEnd = CompletableDeferred<Unit>()
                val cleaning = CompletableDeferred<Unit>()
                val block =
                    asking {
                        holder.withResource {
                            started.complete(it)
                            try {
                                awaitCancellation()
                            } finally {
                                cleaning.complete(Unit)
                                withContext(NonCancellable) { mayEnd.await() }
                            }
                        }
                    }
                started.await()
                val next = queued(operator) { operator.acquire() }
                operator.evict(0) shouldBe true
                withTimeout(PATIENCE) { cleaning.await() }
                operator.status().waiting() shouldBe 1
                mayEnd.complete(Unit)
                next.value().index shouldBe 0
                block.failure().shouldBeInstanceOf<ResourceLostException>().reason shouldContain "evicted"
            }
        }

        test("a free slot is nobody's to give back, and a slot that is not there is an error") {
            val pool = stage.client().pool("free", 2)
            val held = pool.acquire()
            pool.evict(1) shouldBe false
            for (index in listOf(-1, 2)) shouldThrow<IllegalArgumentException> { pool.evict(index) }.message shouldContain "$index"
            held.isHeld shouldBe true
            stage.count("numpool.eviction") shouldBe 0
        }

        test("a mark ends with the hold that it is about: the next holder of the slot keeps it") {
            val (operator, holder) = sharedPool(1)
            val first = holder.acquire()
            operator.evict(0) shouldBe true
            first.lostSoon()
            first.close()
            val second = holder.acquire(timeout = PATIENCE)
            stage.count("numpool.eviction") shouldBe 0
            second.isHeld shouldBe true
            second.release() shouldBe ResourceState.RELEASED
        }

        test("without a notice the holder learns of it when it renews") {
            val operator = stage.client()
            val holder =
                stage.client {
                    sessionTtl = 1_500.milliseconds
                    detachGrace = 500.milliseconds
                }
            val pool = operator.pool("by renewal", 1)
            val held = holder.pool("by renewal").acquire()
            stage.database.dropNotices()
            pool.evict(0) shouldBe true
            held.lostSoon()
            held.close()
            pool.awaitIdle()
        }

        test("a holder that is told, and does not let go, has lost the slot a TTL later at the latest") {
            coroutineScope {
                val operator =
                    stage.client {
                        reaperTick = 100.milliseconds
                    }
                val holder =
                    stage.client {
                        sessionTtl = 1_500.milliseconds
                        detachGrace = 500.milliseconds
                    }
                val pool = operator.pool("kept", 1)
                val held = holder.pool("kept").acquire()
                val next = queued(pool) { pool.acquire() }
                val ordered = TimeSource.Monotonic.markNow()
                pool.evict(0) shouldBe true
                held.lostSoon()
                val granted = next.value()
                ordered.elapsedNow() shouldBeLessThan 20.seconds
                (granted.token > held.token) shouldBe true
                held.close() // stale, and frees nothing of the new holder
                holder.pool("kept").tryAcquire() shouldBe null
                granted.isHeld shouldBe true
                stage.count("numpool.eviction") shouldBe 0
                granted.release()
            }
        }

        test("all of a session's slots, in every pool, and nothing of others'; the session goes on") {
            val operator = stage.client()
            val holder = stage.client()
            val pools = List(3) { stage.freshName("of session") }.map { operator.pool(it, 3) }
            val theirs = pools.flatMap { holder.pool(it.id).acquire(2) }
            val locked = CompletableDeferred<Unit>()
            coroutineScope {
                val lock =
                    asking {
                        holder.pool(pools[0].id).withLock {
                            locked.complete(Unit)
                            awaitCancellation()
                        }
                    }
                locked.await()
                val ours = pools.map { it.acquire() }
                operator.evictSession(holder.session) shouldBe 7
                theirs.forEach { it.lostSoon() }
                lock.failure().shouldBeInstanceOf<ResourceLostException>()
                theirs.forEach { it.close() }
                pools.forEach { it.awaitHeld(1) }
                ours.forEach { it.isHeld shouldBe true }
                ours.forEach { it.release() }
                holder.pool(pools[0].id).acquire().isHeld shouldBe true
            }
        }

        test("a session that is not there") {
            val client = stage.client()
            shouldThrow<SessionNotFoundException> { client.evictSession(1_000_000) }.session shouldBe 1_000_000
        }

        test("sessions are listed with what they hold and wait for") {
            coroutineScope {
                val listing = Stage()
                try {
                    val a = listing.client()
                    val b = listing.client { pollOnly = true }
                    val pool = a.pool("listed", 2)
                    pool.acquire(2)
                    val waiter = queued(pool) { b.pool("listed").acquire() }
                    await("both to be listed", { a.sessions() }) { it.size == 2 && it[0].state == SessionState.ATTACHED }
                    val (first, second) = a.sessions()
                    first.who shouldBe Participant(a.session, a.name, first.who.host, ProcessHandle.current().pid())
                    listOf(first.held, first.waiting, second.held, second.waiting) shouldBe listOf(2, 0, 0, 1)
                    second.state shouldBe SessionState.POLL_ONLY
                    first.ttl shouldBe java.time.Duration.ofSeconds(30)
                    waiter.cancel()
                } finally {
                    listing.close()
                }
            }
        }

        test("a pool that is deleted takes its evictions with it") {
            val client = stage.client()
            val pool = client.pool("doomed", 2)
            val held = pool.acquire(2)
            pool.evict(1) shouldBe true
            client.deletePool("doomed")
            held.forEach { it.lostSoon() }
            held.close()
            await("no mark", { stage.count("numpool.eviction") }) { it == 0 }
            client.pools("doomed").shouldBeEmpty()
        }
    })
