package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.fault.dropNotices
import io.numpool.internal.Client
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class DeletePoolTest :
    StageSpec({
        test("waiters of every client fail at once") {
            coroutineScope {
                val (a, b) = List(2) { stage.client { onlyByNotice() } }
                val pool = a.pool("waited for", 1)
                val holder = pool.acquire()
                val waiters = listOf(a, b, b).map { client -> client.pool("waited for").let { p -> queued(p) { p.acquire() } } }
                measureTime {
                    a.deletePool("waited for")
                    waiters.forEach { it.failure().shouldBeInstanceOf<PoolDeletedException>().pool shouldBe "waited for" }
                } shouldBeLessThan 20.seconds
                holder.awaitLost()
            }
        }

        test("waiters of a client that does not listen fail at once, too, when it is this that deletes") {
            coroutineScope {
                val client =
                    stage.client {
                        onlyByNotice()
                        pollOnly = true
                    }
                val pool = client.pool("polled", 1)
                pool.acquire()
                val waiter = queued(pool) { pool.acquire() }
                client.deletePool("polled")
                waiter.failure().shouldBeInstanceOf<PoolDeletedException>()
            }
        }

        test("who waits for the lock of the pool fails at once, too") {
            coroutineScope {
                val (a, b) = List(2) { stage.client { onlyByNotice() } }
                val locked = CompletableDeferred<Unit>()
                val holder =
                    asking {
                        a.pool("locked", 1).withLock {
                            locked.complete(Unit)
                            awaitCancellation()
                        }
                    }
                locked.await()
                val before = stage.count("numpool.waiter")
                val waiters = listOf(a, b).map { client -> asking { client.pool("locked").withLock { } } }
                await("both to wait", { stage.count("numpool.waiter") }) { it == before + 2 }
                b.deletePool("locked")
                waiters.forEach { it.failure().shouldBeInstanceOf<PoolDeletedException>() }
                holder.failure().shouldBeInstanceOf<ResourceLostException>()
                await(
                    "the name to be free",
                    { stage.count("numpool.pool WHERE id = 'locked' OR guards IS NOT NULL AND deleted IS NOT NULL") },
                ) {
                    it == 0
                }
            }
        }

        for (alsoHeld in listOf(false, true)) {
            val and = if (alsoHeld) "and a slot that comes back before" else "alone"
            test("a lock that is held, $and, keeps the name until its block has ended") {
                coroutineScope {
                    val id = "locked $and"
                    val (a, b) = List(2) { stage.client() }
                    val pool = a.pool(id, 1)
                    val held = if (alsoHeld) pool.acquire() else null
                    val locked = CompletableDeferred<Unit>()
                    val blocking = CompletableDeferred<Unit>()
                    val holder =
                        asking {
                            pool.withLock {
                                locked.complete(Unit)
                                withContext(NonCancellable) { blocking.await() } // hears nothing
                            }
                        }
                    locked.await()
                    b.deletePool(id)
                    held?.awaitLost()
                    held?.release()
                    try {
                        if (alsoHeld) {
                            await("only the lock to be left", {
                                stage.count("numpool.pool WHERE guards IS NOT NULL AND deleted IS NOT NULL")
                            }) { it == 0 }
                        }
                        shouldThrow<PoolDeletedException> { b.pool(id, 1) }
                        b.inspect().shouldBeEmpty()
                    } finally {
                        blocking.complete(Unit)
                    }
                    holder.failure().shouldBeInstanceOf<ResourceLostException>()
                    val again = awaited("the name to be free", { runCatching { b.pool(id, 1) } }) { it.isSuccess }.getOrThrow()
                    again.withLock { again.withResource { it.index } } shouldBe 0
                }
            }
        }

        test("deleted by force, a pool's name is free though its lock is held") {
            coroutineScope {
                val (a, b) = List(2) { stage.client() }
                val locked = CompletableDeferred<Unit>()
                val holder =
                    asking {
                        a.pool("forced lock", 1).withLock {
                            locked.complete(Unit)
                            awaitCancellation()
                        }
                    }
                locked.await()
                b.deletePool("forced lock", force = true)
                b.pool("forced lock", 2).withLock { }
                holder.failure().shouldBeInstanceOf<ResourceLostException>()
            }
        }

        test("holders lose their slots, and the name is free when all are back") {
            val a = stage.client()
            val b = stage.client()
            val pool = a.pool("held", 2, "old")
            val mine = pool.acquire()
            val others = b.pool("held").acquire()
            a.deletePool("held")
            for (resource in listOf(mine, others)) {
                resource.awaitLost()!!.reason shouldBe "the pool was deleted"
                resource.isHeld shouldBe false
                resource.release() shouldBe ResourceState.LOST
            }
            val again = awaited("the name to be free", { runCatching { a.pool("held", 5, "new") } }) { it.isSuccess }.getOrThrow()
            again.capacity shouldBe 5
            again.metadata<String>() shouldBe "new"
            again.acquire().token shouldBeGreaterThan maxOf(mine.token, others.token)
        }

        test("nothing is left of deleted pools in the clients that used them") {
            val holder =
                stage.client {
                    sessionTtl = 1_500.milliseconds
                    detachGrace = 500.milliseconds
                }
            val deleter = stage.client()
            repeat(3) { n ->
                val held = holder.pool("passing $n", 1).acquire()
                deleter.deletePool("passing $n")
                held.awaitLost()
                held.close()
            }
            for (client in listOf(holder, deleter)) await("no pool in use", { (client as Client).engine.lanesInUse() }) { it.isEmpty() }
        }

        test("a holder that no notice reaches loses its slot when it next renews its session") {
            Stage().use { deaf ->
                deaf.database.dropNotices()
                val a = deaf.client()
                val b =
                    deaf.client {
                        sessionTtl = 3.seconds
                        detachGrace = 1.seconds
                    }
                a.pool("unheard", 1)
                val held = b.pool("unheard").acquire()
                a.deletePool("unheard")
                held.awaitLost()!!.reason shouldBe "the pool was deleted"
                await("the name to be free", { runCatching { a.pool("unheard", 2) } }) { it.isSuccess }
            }
        }

        test("a holder that lives and never gives back keeps the name for a TTL") {
            Stage().use { own ->
                val client = own.client { reaperTick = 50.milliseconds }
                client.pool("kept", 1)
                val holder =
                    own.database.query(
                        "SELECT session_id FROM numpool.open_session(ROW('holder', 'host', 1)::numpool.process, 1500, 300, true, NULL)",
                    )
                val number = own.database.query("SELECT number FROM numpool.pool WHERE id = 'kept'")
                own.database.query(
                    "SELECT held FROM numpool.exchange($holder, 0, $number, false, '{}', '{}', '{}', ARRAY[gen_random_uuid()], '{0}', '{x}')",
                ) shouldBe "1"
                client.deletePool("kept")
                shouldThrow<PoolDeletedException> { client.pool("kept", 2) }
                val renewAndAsk =
                    suspend {
                        own.database.query("SELECT numpool.renew($holder, '{}')")
                        runCatching { client.pool("kept", 2) }
                    }
                awaited("the name to be free", renewAndAsk) { it.isSuccess }.getOrThrow().capacity shouldBe 2
            }
        }

        test("while slots are out, the name is taken, and says so") {
            val client = stage.client()
            val pool = client.pool("doomed", 1)
            pool.acquire()
            stage.database.execute("SELECT numpool.delete_pool((SELECT number FROM numpool.pool WHERE id = 'doomed'), false)")
            shouldThrow<PoolDeletedException> { client.pool("doomed", 1) }.pool shouldBe "doomed"
            shouldThrow<PoolDeletedException> { client.pool("doomed") }
            shouldThrow<PoolDeletedException> { pool.acquire() }
            client.pools("doomed").shouldBeEmpty()
            client.deletePool("doomed", force = true)
            client.pool("doomed", 3).capacity shouldBe 3
        }

        test("by force the name is free at once") {
            val a = stage.client()
            val held = stage.client().pool("forced", 1).acquire()
            a.deletePool("forced", force = true)
            val again = a.pool("forced", 2).acquire()
            held.awaitLost()
            again.token shouldBeGreaterThan held.token
            again.isHeld shouldBe true
            held.release()
            a.pool("forced").status().held() shouldBe 1
        }

        test("a deleted pool says so to all who still use it") {
            val client = stage.client()
            val pool = client.pool("used", 1)
            client.deletePool("used")
            shouldThrow<PoolDeletedException> { pool.acquire() }
            shouldThrow<PoolDeletedException> { pool.tryAcquire() }
            shouldThrow<PoolDeletedException> { pool.status() }
            shouldThrow<PoolDeletedException> { pool.withLock { } }
            shouldThrow<PoolNotFoundException> { client.pool("used") }
            shouldThrow<NumpoolException> { pool.refresh() }
            shouldThrow<NumpoolException> { pool.updateMetadata(1) }
            client.pool("used", 2)
            shouldThrow<PoolDeletedException> { pool.refresh() }
            pool.capacity shouldBe 1
        }

        test("an unknown pool cannot be deleted") {
            shouldThrow<PoolNotFoundException> { stage.client().deletePool("unknown") }.pool shouldBe "unknown"
        }

        test("a pool deleted and made again, many times, never repeats a token") {
            val client = stage.client()
            var last = 0L
            repeat(10) {
                val resource = client.pool("phoenix", 1).acquire()
                resource.token shouldBeGreaterThan last
                last = resource.token
                resource.release()
                client.deletePool("phoenix")
            }
        }
    })

/** Neither a poll nor a renewal comes in time to tell it anything. */
private fun NumpoolOptions.Builder.onlyByNotice() {
    pollInterval = 1.hours
    sessionTtl = 3.hours
}
