package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope

/** A grant is used only if its ticket still waits; notices are hints. */
class NoticeTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        afterSpec {
            sql.close()
            database.close()
        }

        fun number(pool: ResourcePool) = sql.call("SELECT number FROM pool WHERE id = ?", pool.id) as Int

        fun announce(
            to: Numpool,
            notice: String,
        ) {
            sql.call("SELECT announce(ARRAY[?::bigint], ARRAY[?])", to.session, notice)
        }

        /** When it is over, [client] has dealt with all notices that were sent before: this needs one itself. */
        suspend fun sync(
            client: Numpool,
            other: Numpool,
        ) = coroutineScope {
            val held = other.pool("sync", 1).acquire()
            val next = queued(client.pool("sync", 1))
            held.release()
            next.soon().release() shouldBe ResourceState.RELEASED
        }

        suspend fun two(test: suspend (Numpool, Numpool) -> Unit) =
            database.open("one") { pollInterval = NEVER }.use { one ->
                database.open("two") { pollInterval = NEVER }.use { two -> test(one, two) }
            }

        test("a notice that comes again, when its slot is in use, changes nothing") {
            two { one, two ->
                val pool = one.pool("again", 1)
                val held = two.pool("again", 1).acquire()
                coroutineScope {
                    val next = queued(pool)
                    held.release()
                    next.soon().let { granted ->
                        repeat(3) { announce(one, "${number(pool)} ${granted.token} ${granted.index}") }
                        sync(one, two)
                        pool.tryAcquire() shouldBe null
                        sql.state(number(pool)).leases.map { it.token } shouldBe listOf(granted.token)
                        granted.isHeld shouldBe true
                        granted.release() shouldBe ResourceState.RELEASED
                    }
                }
            }
        }

        test("a notice that comes late, when its ticket was cancelled and its slot is another's, changes nothing") {
            two { one, two ->
                val pool = one.pool("late", 1)
                val held = two.pool("late", 1).acquire()
                coroutineScope {
                    val first = queued(pool)
                    val ticket = pool.queue().single().ticket
                    first.cancelAndJoin()
                    announce(one, "${number(pool)} $ticket 0")
                    sync(one, two)
                    pool.tryAcquire() shouldBe null
                    pool
                        .status()
                        .holders
                        .single()
                        .token shouldBe held.token
                    held.release() shouldBe ResourceState.RELEASED
                }
            }
        }

        test("a notice that comes when its slot was given back and is another's changes nothing") {
            two { one, two ->
                val pool = one.pool("back", 1)
                val first = pool.acquire()
                first.release()
                val second = pool.acquire()
                announce(one, "${number(pool)} ${first.token} ${first.index}")
                sync(one, two)
                pool.tryAcquire() shouldBe null
                second.isHeld shouldBe true
                second.release() shouldBe ResourceState.RELEASED
                sql.state(number(pool)).leases.shouldBeEmpty()
            }
        }

        test("what is no notice, or one of a pool that is not used here, is passed over") {
            two { one, two ->
                listOf("", "x", "1 2", "1 2 3 4", "999999 1 0", "99999999999 1 0", "999999").forEach { announce(one, it) }
                sync(one, two)
            }
        }
    })
