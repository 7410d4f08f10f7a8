package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldContainExactlyInAnyOrder
import io.kotest.matchers.collections.shouldHaveSize
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import org.postgresql.util.PSQLException
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds

/** Calls of which the client does not know whether they were done. */
class LostCallTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        afterSpec {
            sql.close()
            database.close()
        }
        var pools = 0

        fun number(pool: ResourcePool) = sql.call("SELECT number FROM pool WHERE id = ?", pool.id) as Int

        suspend fun faulty(test: suspend (Numpool, ResourcePool, FaultyDataSource) -> Unit) {
            val connections = FaultyDataSource(database.dataSource())
            database.open("faulty", connections) { listener(database.dataSource()) }.use { client ->
                test(client, client.pool("p${pools++}", 2), connections)
            }
        }

        suspend fun heldOnce(pool: ResourcePool) {
            val held = pool.acquire()
            val state = sql.state(number(pool))
            state.leases.map { it.token } shouldBe listOf(held.token)
            state.waiting.shouldBeEmpty()
            held.release() shouldBe ResourceState.RELEASED
            sql.state(number(pool)).leases.shouldBeEmpty()
        }

        test("the answer of an acquire is lost: it is retried under its id, and has one slot, not two") {
            faulty { _, pool, connections ->
                connections.loseNextAnswer()
                heldOnce(pool)
                connections.broken.get() shouldBe 1
            }
        }

        test("an acquire is lost on the way: it is retried, and has one slot, not none") {
            faulty { _, pool, connections ->
                connections.loseNextCall()
                heldOnce(pool)
                connections.broken.get() shouldBe 1
            }
        }

        test("the answer of an acquire that waits is lost: it has one place, not two") {
            faulty { client, pool, connections ->
                pool.resize(1)
                val held = pool.acquire()
                connections.loseNextAnswer()
                coroutineScope {
                    val waiting = queued(pool)
                    awaited("the answer was lost") { connections.broken.get() == 1 }
                    client.pools(pool.id).single().waiting shouldBe 1
                    held.release()
                    waiting.soon().release() shouldBe ResourceState.RELEASED
                }
                val state = sql.state(number(pool))
                state.leases.shouldBeEmpty()
                state.waiting.shouldBeEmpty()
            }
        }

        test("some slots of an acquire are evicted while its answer is lost: it is asked again, and has all of them") {
            val connections = FaultyDataSource(database.dataSource())
            val client =
                database.open("faulty", connections) {
                    listener(database.dataSource())
                    sessionTtl = 1_200.milliseconds
                    detachGrace = 400.milliseconds
                }
            client.use {
                database.open("operator") { reaperTick = 100.milliseconds }.use { operator ->
                    val pool = client.pool("taken back", 3)
                    connections.loseNextAnswerAndAllElse()
                    coroutineScope {
                        val asked = async { pool.acquire(3) }
                        awaited("the answer was lost") { connections.broken.get() == 1 }
                        operator.pool("taken back").evict(1) shouldBe true
                        awaited("it is taken back") { sql.state(number(pool)).leases.size == 2 }
                        connections.mend()
                        val group = asked.soon()
                        group.map { it.index } shouldContainExactlyInAnyOrder listOf(0, 1, 2)
                        sql.state(number(pool)).leases.map { it.token } shouldContainExactlyInAnyOrder group.map { it.token }
                        group.release().toSet() shouldBe setOf(ResourceState.RELEASED)
                    }
                    sql.state(number(pool)).leases.shouldBeEmpty()
                }
            }
        }

        test("one lost answer raises the epoch once, however many pools are busy") {
            faulty { client, pool, connections ->
                val busy = List(6) { client.pool("busy ${pools++}", 2) } + pool
                val turns = busy.map { AtomicInteger() }
                coroutineScope {
                    val workers =
                        busy.zip(turns).flatMap { (pool, count) ->
                            List(4) {
                                launch(Dispatchers.Default) {
                                    while (true) {
                                        pool.acquire().release()
                                        count.incrementAndGet()
                                    }
                                }
                            }
                        }
                    awaited("all are busy") { turns.all { it.get() > 10 } }
                    connections.loseNextAnswer()
                    awaited("an answer was lost") { connections.broken.get() == 1 }
                    val before = turns.map { it.get() }
                    awaited("all are busy again") { turns.indices.all { turns[it].get() > before[it] + 20 } }
                    workers.forEach { it.cancelAndJoin() }
                }
                sql.call("SELECT epoch FROM session WHERE id = ?", client.session) shouldBe 1L
            }
        }

        test("a call that arrives late, when its retry is done, is refused and changes nothing") {
            faulty { _, pool, connections ->
                val late = connections.delayNextCall()
                val held = pool.acquire()
                val before = sql.state(number(pool))
                before.leases shouldHaveSize 1

                (late.arrive() as PSQLException).sqlState shouldBe "NP002"

                sql.state(number(pool)) shouldBe before
                held.release() shouldBe ResourceState.RELEASED
            }
        }

        test("a release that arrives late does not free the slot of the next holder") {
            faulty { _, pool, connections ->
                pool.resize(1)
                val held = pool.acquire()
                val late = connections.delayNextCall()
                held.release()
                pool.acquire().use {
                    late.arrive()
                    it.isHeld shouldBe true
                    sql.state(number(pool)).leases.map { lease -> lease.token } shouldBe listOf(it.token)
                }
            }
        }

        test("the answer of a release is lost: it is given back, and says so") {
            faulty { _, pool, connections ->
                val held = pool.acquire()
                connections.loseNextAnswer()
                held.release() shouldBe ResourceState.RELEASED
                sql.state(number(pool)).leases.shouldBeEmpty()
            }
        }

        test("the answer of a delete is lost: it is done, and not said to be of an unknown pool") {
            faulty { client, pool, connections ->
                connections.function = "delete_pool"
                connections.loseNextAnswer()
                client.deletePool(pool.id)
                connections.broken.get() shouldBe 1
                client.pools(pool.id).shouldBeEmpty()
            }
        }

        test("the answer of a try is lost: it has one slot, or none when the caller was told that the database is away") {
            faulty { _, pool, connections ->
                connections.loseNextAnswer()
                val got = runCatching { pool.tryAcquire() }.getOrNull()
                got?.release()
                awaited("nothing is left") { database.isFree(pool.id) }
            }
        }
    })
