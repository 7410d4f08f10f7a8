package io.numpool

import com.fasterxml.jackson.databind.node.JsonNodeFactory
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope

private data class Site(
    val region: String,
    val racks: List<Int> = emptyList(),
)

class MetadataTest :
    StageSpec({
        test("metadata are what Jackson makes of them") {
            val pool = stage.client().pool("typed", 1, Site("eu-1", listOf(3, 5)))
            pool.metadata<Site>() shouldBe Site("eu-1", listOf(3, 5))
            pool.metadata!!["racks"][1].intValue() shouldBe 5
            stage.client().pool("typed").metadata(Site::class.java) shouldBe Site("eu-1", listOf(3, 5))
        }

        for (value in listOf("text", 42, true, listOf(1, "two", null), emptyMap<String, Int>(), 12345678901234567L, 1.5, "ä🎱\\\"")) {
            test("metadata of any JSON kind: $value") {
                val id = stage.freshName("kind")
                stage.client().pool(id, 1, value).metadata<Any>() shouldBe value
                stage.client().pool(id).metadata<Any>() shouldBe value
            }
        }

        test("no metadata are null") {
            val pool = stage.client().pool("none", 1)
            pool.metadata shouldBe null
            pool.metadata<Site>() shouldBe null
            pool.updateMetadata(Site("eu-1"))
            pool.metadata<Site>() shouldBe Site("eu-1")
            pool.updateMetadata(null)
            pool.metadata shouldBe null
            stage.client().pool("none").metadata shouldBe null
        }

        test("a JSON null is no metadata") {
            val pool = stage.client().pool("json null", 1, JsonNodeFactory.instance.nullNode())
            pool.metadata shouldBe null
        }

        test("an update is seen by this client at once, by others when they refresh") {
            val (a, b) = sharedPool(capacity = 1)
            a.updateMetadata(Site("eu-2"))
            a.metadata<Site>() shouldBe Site("eu-2")
            b.metadata shouldBe null
            b.refresh()
            b.metadata<Site>() shouldBe Site("eu-2")
        }

        test("an update over another's is a conflict that carries what is there now") {
            val (a, b) = sharedPool(capacity = 1)
            a.updateMetadata(Site("first"))
            val conflict = shouldThrow<MetadataConflictException> { b.updateMetadata(Site("second")) }
            conflict.pool shouldBe b.id
            conflict.current!! shouldContain "first"
            conflict.message shouldContain "first"
            b.metadata<Site>() shouldBe Site("first")
            b.updateMetadata(Site("second"))
            shouldThrow<MetadataConflictException> { a.updateMetadata(null) }.current!! shouldContain "second"
        }

        test("a conflict with metadata that were taken away carries null") {
            val (a, b) = sharedPool(capacity = 1)
            a.updateMetadata(1)
            b.refresh()
            a.updateMetadata(null)
            shouldThrow<MetadataConflictException> { b.updateMetadata(2) }.current shouldBe null
        }

        test("the value that another has set already is success") {
            val (a, b) = sharedPool(capacity = 1)
            a.updateMetadata(Site("same", listOf(1)))
            b.updateMetadata(Site("same", listOf(1)))
            b.updateMetadata(Site("next"))
            b.metadata<Site>() shouldBe Site("next")
        }

        test("of racing updates one wins, and every other learns of it") {
            coroutineScope {
                val id = stage.freshName("race")
                val pools = List(8) { stage.client().pool(id, 1) }
                val results =
                    pools
                        .mapIndexed {
                            i,
                            pool,
                            ->
                            async(Dispatchers.Default) { runCatching { pool.updateMetadata(i) } }
                        }.awaitAll()
                val winner = results.indexOfFirst { it.isSuccess }
                results.count { it.isSuccess } shouldBe 1
                results.filter { it.isFailure }.forEach { (it.exceptionOrNull() as MetadataConflictException).current shouldBe "$winner" }
            }
        }

        test("a counter in metadata, raised by compare-and-set, loses no step") {
            coroutineScope {
                val id = stage.freshName("counter")
                val pools = List(4) { stage.client().pool(id, 1, 0) }
                pools.map { pool -> async(Dispatchers.Default) { repeat(10) { raise(pool) } } }.awaitAll()
                pools[0].refresh()
                count(pools[0]) shouldBe 40
            }
        }

        test("refresh reads the capacity, too") {
            val (a, b) = sharedPool(capacity = 1)
            a.resize(3)
            b.capacity shouldBe 1
            b.refresh()
            b.capacity shouldBe 3
        }
    })

private suspend fun raise(pool: ResourcePool) {
    while (true) {
        try {
            pool.updateMetadata(mapOf("n" to count(pool) + 1, "by" to pool.hashCode()))
            return
        } catch (_: MetadataConflictException) {
            continue
        }
    }
}

private fun count(pool: ResourcePool): Int = pool.metadata!!.let { if (it.isInt) it.intValue() else it["n"].intValue() }
