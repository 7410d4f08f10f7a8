package io.numpool

import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.time.Duration
import java.time.Instant
import kotlin.time.Duration.Companion.milliseconds

class ListingTest :
    StageSpec({
        test("pools are listed by id, with capacity, held and waiting") {
            coroutineScope {
                val client = stage.client()
                val busy = client.pool("list/b", 2)
                client.pool("list/a", 3)
                val held = List(2) { busy.acquire() }
                val waiter = queued(busy) { busy.acquire() }
                client.pools("list/") shouldBe listOf(PoolSummary("list/a", 3, 0, 0), PoolSummary("list/b", 2, 2, 1))
                held.forEach { it.release() }
                waiter.value().release()
            }
        }

        test("a prefix is literal") {
            val client = stage.client()
            for (id in listOf("100%", "100%_x", "100x", "a_c", "abc", "back\\slash", "back/slash")) client.pool(id, 1)
            client.pools("100%").map { it.id } shouldBe listOf("100%", "100%_x")
            client.pools("a_").map { it.id } shouldBe listOf("a_c")
            client.pools("back\\").map { it.id } shouldBe listOf("back\\slash")
            client.pools("ABC").shouldBeEmpty()
            client.pools("").map { it.id }.containsAll(listOf("100x", "abc")) shouldBe true
            client.pools("it's").shouldBeEmpty()
        }

        test("status tells of one moment who holds what and who waits") {
            coroutineScope {
                val dataSource = stage.hikari()
                val holder = stage.client(dataSource) { name = "holder" }
                val other = stage.client { name = "other" }
                val pool = holder.pool("seen", 3)
                val before = Instant.now()
                val held = pool.acquire(label = "one")
                val second = other.pool("seen").acquire()
                val status = other.pool("seen").status()
                status.id shouldBe "seen"
                status.capacity shouldBe 3
                status.held() shouldBe 2
                status.free() shouldBe 1
                status.waiting() shouldBe 0
                val (one, two) = status.holders
                one.index shouldBe held.index
                one.token shouldBe held.token
                one.label shouldBe "one"
                one.who.application shouldBe "holder"
                one.who.session shouldBe holder.session
                one.who.pid shouldBe ProcessHandle.current().pid()
                one.who.host.isNotBlank() shouldBe true
                Duration.between(before, one.since).abs() shouldBeLessThan Duration.ofMinutes(1)
                two.who.application shouldBe "other"
                two.index shouldBe second.index
                two.index shouldBe 1
                two.token shouldBe second.token
                two.label shouldBe null
            }
        }

        test("the queue is in the order of service") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val holder = a.acquire()
                val waiters = listOf("1" to a, "2" to b, "3" to a).map { (label, pool) -> queued(pool) { pool.acquire(label = label) } }
                val queue = b.queue()
                queue.map { it.label } shouldBe listOf("1", "2", "3")
                queue.map { it.ticket } shouldBe queue.map { it.ticket }.sorted()
                queue.forEach { Duration.between(it.since, Instant.now()).abs() shouldBeLessThan Duration.ofMinutes(1) }
                queue.map { it.who.session }.distinct().size shouldBe 2
                holder.release()
                val granted = waiters.map { waiter -> waiter.value().also { it.release() }.token }
                granted shouldBe queue.map { it.ticket }
                b.queue().shouldBeEmpty()
            }
        }

        test("statuses tell the present one, and each change") {
            coroutineScope {
                val (a, b) = sharedPool(capacity = 1)
                val seen = Channel<PoolStatus>(Channel.UNLIMITED)
                val watch = launch { a.statuses(interval = 1.milliseconds).collect { seen.send(it) } }

                suspend fun next() = withTimeout(PATIENCE) { seen.receive() }
                next().held() shouldBe 0
                repeat(20) { b.status() } // nothing changes, and nothing is told
                val resource = b.acquire(label = "watched")
                next().holders.single().label shouldBe "watched"
                resource.release()
                next().held() shouldBe 0
                watch.cancel()
            }
        }

        test("statuses of a pool that is deleted end with PoolDeletedException") {
            coroutineScope {
                val client = stage.client()
                val pool = client.pool("ending", 1)
                val watch = asking { pool.statuses(interval = 20.milliseconds).collect { } }
                client.deletePool("ending")
                (watch.failure() is PoolDeletedException) shouldBe true
            }
        }
    })
