package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration.Companion.milliseconds

class PoolTest :
    StageSpec({
        test("a pool is made when it is first asked for, and found by others") {
            val pool = stage.client().pool("gpus", capacity = 4)
            pool.id shouldBe "gpus"
            pool.capacity shouldBe 4
            stage.client().pool("gpus", capacity = 4).capacity shouldBe 4
            stage.client().pool("gpus").capacity shouldBe 4
        }

        test("an unknown pool is not made by asking for it") {
            val client = stage.client()
            val missing = shouldThrow<PoolNotFoundException> { client.pool("nowhere") }
            missing.pool shouldBe "nowhere"
            missing.message shouldContain "nowhere"
            client.pools("nowhere").shouldBeEmpty()
        }

        test("a pool of another capacity is a conflict that tells both") {
            val client = stage.client()
            client.pool("four", 4)
            val conflict = shouldThrow<PoolConflictException> { client.pool("four", 5) }
            conflict.pool shouldBe "four"
            conflict.requested shouldBe 5
            conflict.actual shouldBe 4
            conflict.message shouldContain "pool 'four' has capacity 4, not 5"
            client.pool("four").capacity shouldBe 4
        }

        test("metadata applies at creation only") {
            val client = stage.client()
            client.pool("site", 1, mapOf("region" to "eu-1")).metadata<Map<String, String>>() shouldBe mapOf("region" to "eu-1")
            client.pool("site", 1, mapOf("region" to "us-9")).metadata<Map<String, String>>() shouldBe mapOf("region" to "eu-1")
            client.pool("site").metadata<Map<String, String>>() shouldBe mapOf("region" to "eu-1")
        }

        test("many that make one pool at once get the same one") {
            coroutineScope {
                val clients = List(4) { stage.client() }
                val pools = List(40) { async(Dispatchers.Default) { clients[it % 4].pool("raced", 40) } }.awaitAll()
                pools.map { it.acquire().index }.sorted() shouldBe List(40) { it }
            }
        }

        for (id in listOf("x", "a b", "%_\\'\"", "pö🎱l", "🎱".repeat(100), "x".repeat(100), "drop table;--", " ", "numpool")) {
            test("an id may be of anything printable: '${id.take(12)}' (${id.length})") {
                val (a, b) = stage.client() to stage.client()
                val pool = a.pool(id, 1)
                coroutineScope {
                    val holder = pool.acquire()
                    val waiter = queued(pool) { b.pool(id).acquire() }
                    holder.release()
                    waiter.value().pool shouldBe id
                }
                a.pools(id).any { it.id == id } shouldBe true
                a.close()
                b.close()
            }
        }

        test("pools of the smallest and of the greatest capacity") {
            val client = stage.client()
            client.pool("least", 1).capacity shouldBe 1
            val most = client.pool("most", 8192)
            val held = coroutineScope { List(8192) { async { most.acquire() } }.awaitAll() }
            held.map { it.index }.sorted() shouldBe List(8192) { it }
            most.tryAcquire() shouldBe null
            held.forEach { it.close() }
            most.awaitIdle()
        }
    })

/** Wrong input is refused with its name, its value and the allowed range, before any SQL: the connections are all taken. */
class BadInputTest :
    StageSpec({
        val dataSource = stage.hikari { connectionTimeout = 60_000 }

        suspend fun refused(
            vararg says: String,
            call: suspend () -> Any?,
        ) {
            val message = shouldThrow<IllegalArgumentException> { call() }.message!!
            says.forEach { message shouldContain it }
        }

        test("arguments out of range") {
            val client = stage.client(dataSource)
            val pool = client.pool("good", 1)
            val taken = List(4) { dataSource.connection }
            refused("pool id ''", "0 characters", "1 to 100") { client.pool("") }
            refused("pool id ''", "1 to 100") { client.pool("", 1) }
            refused("xxx", "101 characters", "1 to 100") { client.pool("x".repeat(101)) }
            refused("xxx", "101 characters", "1 to 100") { client.pool("x".repeat(101), 1) }
            refused("101 characters") { client.deletePool("🎱".repeat(101)) }
            for (bad in listOf(
                "tab\there",
                "line\nbreak",
                "nul\u0000",
                "half \ud83c",
                "\u2028",
                "\u2029",
                "unassigned \u0378",
            )) {
                refused("printable") { client.pool(bad, 1) }
            }
            refused("capacity 0", "1 to 8192") { client.pool("p", 0) }
            refused("capacity 8193", "1 to 8192") { client.pool("p", 8193) }
            refused("capacity -1", "1 to 8192") { pool.resize(-1) }
            refused("capacity 8193", "1 to 8192") { pool.resize(8193) }
            refused("timeout -1ms", "not negative") { pool.acquire(timeout = (-1).milliseconds) }
            refused("timeout -1ms", "not negative") { pool.withResource(timeout = (-1).milliseconds) { } }
            refused("timeout -1ms", "not negative") { pool.withLock(timeout = (-1).milliseconds) { } }
            refused("label 'lll", "at most 200") { pool.acquire(label = "l".repeat(201)) }
            refused("label", "at most 200") { pool.tryAcquire(label = "l".repeat(201)) }
            refused("label") { pool.acquire(label = "nul\u0000") }
            refused("label") { pool.acquire(label = "half \ud83c") }
            refused("interval 0s", "greater than 0") { pool.statuses(kotlin.time.Duration.ZERO) }
            refused("metadata") { pool.updateMetadata(mapOf("nul" to "\u0000")) }
            refused("metadata") { client.pool("p", 1, Any()) }
            taken.forEach { it.close() }
            client.pools("").map { it.id } shouldBe listOf("good")
        }

        test("a label of the greatest length is fine") {
            val pool = stage.client().pool("long label", 1)
            pool.acquire(label = "l".repeat(200)).label shouldBe "l".repeat(200)
        }

        test("a bad label harms nobody else") {
            coroutineScope {
                val pool = stage.client().pool("harm", 10)
                val good = List(5) { asking { pool.acquire(label = "good") } }
                val bad = asking { pool.acquire(label = "half \ud83c") }
                good.forEach { it.value().release() }
                bad.failure()!!.message shouldContain "label"
            }
        }
    })
