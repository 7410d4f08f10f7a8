package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import org.jooq.SQLDialect
import org.jooq.impl.DSL
import java.sql.Connection
import java.sql.SQLException

class FenceTest :
    StageSpec({
        fun connection(): Connection = stage.database.connect().also { it.autoCommit = false }

        fun Connection.value(): Int =
            createStatement().use { s ->
                s.executeQuery("SELECT n FROM guarded").use {
                    if (it.next()) it.getInt(1) else -1
                }
            }

        fun Connection.write(n: Int) = createStatement().use { it.execute("UPDATE guarded SET n = $n") }

        beforeSpec {
            stage.database.execute("CREATE TABLE guarded AS SELECT 0 AS n; CREATE TABLE passed (token bigint, n serial)")
        }

        /** A token that passed, and a resource of the same slot that came after it. */
        suspend fun two(id: String): Pair<ResourcePool, Resource> {
            val pool = stage.client().pool(id, 1)
            return pool to pool.acquire()
        }

        /** What a holder that was declared dead, and does not know it, would send. */
        fun fence(
            c: Connection,
            pool: String,
            slot: Int,
            token: Long,
        ) = c.prepareStatement("SELECT numpool.fence(?, ?, ?)").use {
            it.setString(1, pool)
            it.setInt(2, slot)
            it.setLong(3, token)
            it.execute()
        }

        test("passes for the holder, again and again, in one transaction and in several") {
            val (_, held) = two("again")
            connection().use { c ->
                repeat(2) { held.fence(c) }
                c.commit()
                held.fence(c)
                DSL.using(c, SQLDialect.POSTGRES).transaction { it -> held.fence(it.dsl()) }
                c.commit()
            }
            held.release()
        }

        test("refuses an older token once a newer one has passed, and says which") {
            val (pool, first) = two("older")
            first.release()
            val second = pool.acquire()
            connection().use { c ->
                fence(c, pool.id, first.index, first.token) // nobody newer has fenced yet
                c.commit()
                second.fence(c)
                c.commit()
                shouldThrow<SQLException> { fence(c, pool.id, first.index, first.token) }.sqlState shouldBe "NP008"
                c.rollback()
            }
            // as the client of a holder would see it, did it not know of its loss
            connection().use { c ->
                fence(c, pool.id, second.index, second.token + 1)
                c.commit()
                val stale = shouldThrow<StaleTokenException> { second.fence(c) }
                listOf(stale.pool, stale.index, stale.token, stale.newest) shouldBe
                    listOf(pool.id, second.index, second.token, second.token + 1)
                stale.message shouldContain "is another's"
                c.rollback()
            }
            second.release()
        }

        test("a token that was rolled back was not seen") {
            val (pool, held) = two("rolled back")
            connection().use { c ->
                fence(c, pool.id, held.index, held.token + 1)
                c.rollback()
                held.fence(c)
                c.commit()
            }
            held.release()
        }

        for (commits in listOf(true, false)) {
            test(
                "the next holder waits for a transaction that stalled after its fence, which then ${if (commits) "commits" else "is rolled back"}",
            ) {
                val (pool, first) = two("stalled $commits")
                connection().use { old ->
                    old.write(0)
                    old.commit()
                    first.fence(old)
                    old.write(1)
                    first.release()
                    val second = pool.acquire()
                    connection().use { new ->
                        coroutineScope {
                            val writing =
                                async(Dispatchers.IO) {
                                    second.fence(new)
                                    val before = new.value()
                                    new.write(2)
                                    new.commit()
                                    before
                                }
                            await("the new holder to wait", {
                                stage.database.query(
                                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%fence%'",
                                )
                            }) { it == "1" }
                            writing.isCompleted shouldBe false
                            if (commits) old.commit() else old.rollback()
                            writing.await() shouldBe if (commits) 1 else 0
                        }
                        shouldThrow<SQLException> { fence(old, pool.id, first.index, first.token) }.sqlState shouldBe "NP008"
                        old.rollback()
                        new.value() shouldBe 2
                    }
                    second.release()
                }
            }
        }

        test("slots and pools don't stand in each other's way, and a pool made again goes on where it was") {
            val numpool = stage.client()
            val pool = numpool.pool("several", 2)
            val all = List(2) { pool.acquire() }
            connection().use { one ->
                connection().use { other ->
                    all[0].fence(one)
                    all[1].fence(other)
                    other.commit()
                    one.commit()
                }
            }
            val old = all.map { it.token }
            all.forEach { it.release() }
            numpool.deletePool("several")
            val again = numpool.pool("several", 2).acquire()
            connection().use { c ->
                again.fence(c)
                c.commit()
                shouldThrow<SQLException> { fence(c, "several", again.index, old[again.index]) }.sqlState shouldBe "NP008"
                c.rollback()
            }
            again.release()
        }

        test("by six at once, only tokens that grow pass") {
            val (pool, held) = two("at once")
            val passed =
                coroutineScope {
                    List(6) { worker ->
                        async(Dispatchers.IO) {
                            connection().use { c ->
                                (0 until 50).mapNotNull { round ->
                                    val token = held.token + (round * 7 + worker * 13) % 300
                                    try {
                                        fence(c, pool.id, held.index, token)
                                        val before = c.value()
                                        c.write(before + 1)
                                        c.createStatement().use { it.execute("INSERT INTO passed VALUES ($token)") }
                                        c.commit()
                                        token
                                    } catch (e: SQLException) {
                                        e.sqlState shouldBe "NP008"
                                        c.rollback()
                                        null
                                    }
                                }
                            }
                        }
                    }.awaitAll().flatten()
                }
            connection().use { c ->
                val inOrder =
                    c.createStatement().use { s ->
                        s.executeQuery("SELECT token FROM passed ORDER BY n").use { rows ->
                            generateSequence { if (rows.next()) rows.getLong(1) else null }.toList()
                        }
                    }
                inOrder shouldBe inOrder.sorted()
                inOrder.size shouldBe passed.size
            }
            held.release()
        }

        test("refuses what cannot be fenced: autocommit, a released resource, a lost one, nulls") {
            val (pool, held) = two("refused")
            stage.database.connect().use { c ->
                shouldThrow<IllegalStateException> { held.fence(c) }.message shouldContain "autocommit"
                for (arguments in listOf("NULL, 0, 1", "'x', NULL, 1", "'x', 0, NULL")) {
                    shouldThrow<SQLException> {
                        c.createStatement().use {
                            it.execute(
                                "SELECT numpool.fence($arguments)",
                            )
                        }
                    }.sqlState shouldBe
                        "22023"
                }
            }
            held.release()
            connection().use { c -> shouldThrow<IllegalStateException> { held.fence(c) }.message shouldContain "was released" }
            val lost = pool.acquire()
            stage.client().deletePool("refused", force = true)
            lost.awaitLost()
            connection().use { c -> shouldThrow<ResourceLostException> { lost.fence(c) }.token shouldBe lost.token }
        }
    })
