package io.numpool.fault

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldBeSorted
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.internal.Client
import io.numpool.internal.Lane
import io.numpool.internal.store.Evicted
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** A slot that is given back goes to the client's own next waiter at once, when no other session has an earlier one. */
class HandOverTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        val connections = FaultyDataSource(database.dataSource())
        val client =
            runBlocking {
                database.open("ours", connections) {
                    pollInterval = NEVER
                    sessionTtl = 60.seconds
                    detachGrace = 20.seconds
                    listener(database.dataSource())
                }
            } as Client
        val bystander = runBlocking { database.open("theirs") { pollInterval = NEVER } }
        afterSpec {
            client.close()
            bystander.close()
            sql.close()
            database.close()
        }
        val handOvers = client.counters.handOvers

        fun number(pool: ResourcePool) = sql.call("SELECT number FROM pool WHERE id = ?", pool.id) as Int

        fun lane(pool: ResourcePool): Lane = client.engine.lane(number(pool))!!

        fun leases(pool: ResourcePool) = sql.state(number(pool)).leases

        fun waiting(pool: ResourcePool) = sql.state(number(pool)).waiting

        /** Calls are made again when this returns. */
        suspend fun <T> withoutDatabase(block: suspend () -> T): T {
            connections.cut()
            try {
                return block()
            } finally {
                connections.mend()
            }
        }

        test("a slot goes on while the database is away, and the database hears of it") {
            val pool = client.pool("away", 1)
            val held = pool.acquire()
            coroutineScope {
                val waiters = List(3) { queued(pool) } // the first hand-over is on its way when the others come, in a call of their own
                val slots =
                    withoutDatabase {
                        waiters.runningFold(held) { before, next ->
                            before.close()
                            next.soon()
                        }
                    }
                val tickets = slots.map { it.token }
                slots.map { it.index }.distinct() shouldBe listOf(held.index)
                tickets.shouldBeSorted()
                awaited("the database knows who has it") { leases(pool).map { it.token } == listOf(tickets.last()) }
                waiting(pool).shouldBeEmpty()
                slots.map { it.state } shouldBe List(3) { ResourceState.RELEASED } + ResourceState.HELD
                slots.map { it.release() } shouldBe List(4) { ResourceState.RELEASED }
                leases(pool).shouldBeEmpty()
            }
        }

        test("what was handed over and given back while the database was away is free then") {
            val pool = client.pool("given back", 1)
            val held = pool.acquire()
            coroutineScope {
                val second = queued(pool)
                withoutDatabase {
                    held.close()
                    second.soon().close()
                }
                second.await().release() shouldBe ResourceState.RELEASED
                leases(pool).shouldBeEmpty()
                waiting(pool).shouldBeEmpty()
            }
        }

        test("an earlier waiter of another process goes first") {
            val pool = client.pool("earlier", 1)
            val theirs = bystander.pool("earlier")
            val held = pool.acquire()
            coroutineScope {
                val first = queued(pool)
                val second = queued(theirs)
                val third = queued(pool)
                held.close()
                val one = first.soon()
                second.isCompleted shouldBe false
                val before = handOvers.sum()
                one.close()
                val two = second.soon()
                third.isCompleted shouldBe false
                handOvers.sum() shouldBe before
                two.close()
                third.soon().let {
                    (it.token > two.token) shouldBe true
                    it.close()
                }
            }
        }

        test("it can be switched off, for a client and for a pool") {
            suspend fun handedOver(pool: ResourcePool): Long {
                val before = handOvers.sum()
                val held = pool.acquire()
                coroutineScope {
                    val next = queued(pool)
                    held.close()
                    next.soon().release() shouldBe ResourceState.RELEASED
                }
                return handOvers.sum() - before
            }
            val pool = client.pool("switched", 1)
            val view = client.pool("switched")
            pool.handOver shouldBe true
            handedOver(pool) shouldBe 1
            view.handOver = false
            pool.handOver shouldBe false
            handedOver(pool) shouldBe 0
            pool.handOver = true
            handedOver(view) shouldBe 1
            database.open("off") { handOver = false }.use {
                it.pool("switched").handOver shouldBe false
            }
        }

        test("tokens of a slot rise: it does not go to a lower ticket than it was held under") {
            val pool = client.pool("rise", 2)
            val theirs = bystander.pool("rise")
            coroutineScope {
                val (mine, other) = pool.acquire() to theirs.acquire()
                val lower = queued(pool)
                val higher = queued(pool)
                val (low, high) = waiting(pool)
                // the notice of the higher ticket alone arrives, as if the database had served both and the other was late
                lane(pool).granted(high, 1)
                val early = higher.soon()
                val before = handOvers.sum()
                early.close()
                early.release()
                handOvers.sum() shouldBe before
                lower.isCompleted shouldBe false
                mine.close()
                lower.soon().let {
                    it.token shouldBe low
                    it.index shouldBe mine.index
                    it.release() shouldBe ResourceState.RELEASED
                }
                other.release() shouldBe ResourceState.RELEASED
            }
        }

        test("one of several slots goes to nobody who waits for several") {
            val pool = client.pool("several", 2)
            coroutineScope {
                val first = pool.acquire()
                val second = pool.acquire()
                val both = async(Dispatchers.Default) { pool.acquire(slots = 2) }
                awaited("it waits") { waiting(pool).size == 1 }
                val behind = queued(pool)
                val before = handOvers.sum()
                first.release() shouldBe ResourceState.RELEASED
                both.isCompleted shouldBe false
                behind.isCompleted shouldBe false
                second.release() shouldBe ResourceState.RELEASED
                handOvers.sum() shouldBe before
                val group = both.soon()
                group.first().close()
                behind.soon().release() shouldBe ResourceState.RELEASED
                group.close()
            }
        }

        test("a slot that the pool has no more is given back") {
            val pool = client.pool("smaller", 2)
            coroutineScope {
                val held = List(2) { pool.acquire() }.sortedBy { it.index }
                val next = queued(pool)
                pool.resize(1)
                held[1].release() shouldBe ResourceState.RELEASED
                next.isCompleted shouldBe false
                held[0].close()
                next.soon().let {
                    it.index shouldBe 0
                    it.release() shouldBe ResourceState.RELEASED
                }
            }
        }

        test("a notice that comes after its ticket was given up is no slot to hand on") {
            val pool = client.pool("late notice", 1)
            val theirs = bystander.pool("late notice")
            coroutineScope {
                val held = theirs.acquire()
                val first = queued(pool)
                val ticket = waiting(pool).single()
                val second = queued(pool)
                first.cancelAndJoin()
                awaited("its place is left") { waiting(pool).size == 1 }
                lane(pool).granted(ticket, held.index)
                pool.tryAcquire() shouldBe null // and so the notice was dealt with
                second.isCompleted shouldBe false
                held.close()
                second.soon().release() shouldBe ResourceState.RELEASED
            }
        }

        test("a waiter that gave up is passed over") {
            val pool = client.pool("gave up", 1)
            val held = pool.acquire()
            coroutineScope {
                val first = queued(pool)
                val second = queued(pool)
                withoutDatabase {
                    first.cancelAndJoin()
                    held.close()
                    second.soon()
                }.release() shouldBe ResourceState.RELEASED
                waiting(pool).shouldBeEmpty()
            }
        }

        test("who gives up while the call that asks for a slot is in flight leaves no place behind") {
            val pool = client.pool("in flight", 1)
            val held = pool.acquire()
            Sql(database).use { inTheWay ->
                inTheWay.connection.autoCommit = false
                inTheWay.call("SELECT pg_advisory_xact_lock('pool'::regclass::oid::integer, ?)::text", number(pool))
                coroutineScope {
                    val calls = client.counters.calls.sum()
                    val asking = launch(Dispatchers.Default) { pool.acquire() }
                    awaited("it is in flight") { client.counters.calls.sum() > calls }
                    asking.cancelAndJoin()
                    inTheWay.connection.commit()
                }
            }
            pool.tryAcquire() shouldBe null
            awaited("no place is left") { waiting(pool).isEmpty() }
            held.release() shouldBe ResourceState.RELEASED
        }

        test("an order to give a slot back means whoever has it since") {
            val pool = client.pool("evicted", 1)
            val held = pool.acquire()
            coroutineScope {
                val next = queued(pool)
                val behind = queued(pool)
                held.close()
                val heir = next.soon()
                // sent when the database knew the first holder
                client.engine.sessions.current!!
                    .evict(Evicted(client.session, number(pool), held.index, held.token))
                heir.isHeld shouldBe false
                heir.awaitLost()?.reason shouldBe "an operator evicted it"
                val before = handOvers.sum()
                heir.close()
                behind.soon().release() shouldBe ResourceState.RELEASED
                handOvers.sum() shouldBe before
                heir.state shouldBe ResourceState.LOST
            }
        }

        test("evicted in the database, it is lost by whom it was handed to, and by nobody who gets it later") {
            val pool = client.pool("by an operator", 1)
            val theirs = bystander.pool("by an operator")
            coroutineScope {
                val held = pool.acquire()
                val next = queued(pool)
                val last = queued(theirs)
                held.close()
                val heir = next.soon()
                theirs.evict(0) shouldBe true
                awaited("the heir loses it") { !heir.isHeld }
                heir.close()
                last.soon().let {
                    it.isHeld shouldBe true
                    it.release() shouldBe ResourceState.RELEASED
                }
            }
        }

        test("a slot that was not the session's any more is lost to whom it was handed") {
            val pool = client.pool("taken", 1)
            val held = pool.acquire()
            coroutineScope {
                val next = queued(pool)
                val user =
                    async(Dispatchers.Default) {
                        shouldThrow<ResourceLostException> { pool.withResource { delay(PATIENCE) } }
                    }
                awaited("both wait") { waiting(pool).size == 2 }
                withoutDatabase {
                    held.close()
                    next.soon().close()
                    sql.call("DELETE FROM lease WHERE pool = ? RETURNING slot", number(pool))
                }
                user.soon().reason shouldBe "the database had taken back the slot that was handed over to it"
            }
        }

        test("an answer that is lost after a hand-over loses nothing") {
            val pool = client.pool("lost answer", 1)
            val held = pool.acquire()
            coroutineScope {
                val next = queued(pool)
                val last = queued(pool)
                connections.loseNextAnswer()
                held.close()
                val heir = next.soon()
                held.release() shouldBe ResourceState.RELEASED
                heir.isHeld shouldBe true
                leases(pool).map { it.token } shouldBe listOf(heir.token)
                heir.close()
                last.soon().release() shouldBe ResourceState.RELEASED
                leases(pool).shouldBeEmpty()
            }
        }

        test("all that wait in two processes get their turns in the order of their tickets") {
            val pool = client.pool("crowd", 3)
            val theirs = bystander.pool("crowd")
            val before = handOvers.sum()
            val grants = ConcurrentLinkedQueue<Resource>()

            suspend fun use(
                from: ResourcePool,
                times: Int,
            ) = repeat(times) {
                from.acquire().use { slot ->
                    grants += slot
                    if (it % 5 == 0) delay(1.milliseconds)
                }
            }
            coroutineScope {
                (
                    List(
                        24,
                    ) { async(Dispatchers.Default) { use(pool, 40) } } + List(8) { async(Dispatchers.Default) { use(theirs, 40) } }
                ).awaitAll()
            }
            for (slot in 0..2) grants.filter { it.index == slot }.map { it.token }.shouldBeSorted()
            grants.map { it.token }.distinct().size shouldBe 32 * 40
            handOvers.sum() - before shouldBeGreaterThan 0L
            awaited("all are back") { leases(pool).isEmpty() && waiting(pool).isEmpty() }
        }
    })
