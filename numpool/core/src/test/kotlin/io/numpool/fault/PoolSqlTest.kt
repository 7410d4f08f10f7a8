package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.fault.Sql.Companion.GRANTED
import io.numpool.fault.Sql.Companion.WAITS
import io.numpool.testkit.TestPostgres

class PoolSqlTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        afterSpec {
            sql.close()
            database.close()
        }

        test("a pool made again under an old name never repeats a token, whatever the clock says") {
            val session = sql.openSession()
            val old = sql.createPool("again", 1)
            sql.execute("UPDATE pool_state SET last_ticket = last_ticket + 1000000000000 WHERE pool = $old") // far ahead of the clock
            val last = sql.acquire(session, old)
            sql.exchange(session, old) { release(0, last.ticket) }
            sql.delete(old)

            val new = sql.createPool("again", 1)

            new shouldNotBe old
            sql.acquire(session, new).ticket shouldBeGreaterThan last.ticket
        }

        test("another life of the server, which may lack the last commits, gives no number and no token again") {
            val session = sql.openSession()
            val pool = sql.createPool("lives", 2)
            val old = sql.acquire(session, pool)
            val clock = sql.call("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint") as Long
            sql.execute("DELETE FROM incarnation") // as a crash or a promotion leaves it

            val first = sql.acquire(session, pool)

            first.ticket shouldBeGreaterThan clock
            sql.openSession() shouldBeGreaterThan session + 10_000
            sql.createPool("later", 1) shouldBeGreaterThan pool + 1_000
            sql.exchange(session, pool) { release(old.slot, old.ticket) }
            sql.acquire(session, pool).ticket shouldBe first.ticket + 1
        }

        test("a deleted pool keeps its name until its slots are back, and fails who asks for one") {
            val session = sql.openSession()
            val pool = sql.createPool("leaving", 1)
            val held = sql.acquire(session, pool)
            sql.queue(session, pool)
            sql.delete(pool) shouldBe listOf(session)
            sql.state(pool).waiting.shouldBeEmpty()
            sql
                .exchange(session, pool) { acquire() }
                .acquired
                .single()
                .outcome shouldBe 4
            refusal { sql.createPool("leaving", 1) } shouldBe "NP004"
            sql.exchange(session, pool) { release(0, held.ticket) }.settled shouldBe listOf(1)
            sql.createPool("leaving", 1) shouldNotBe pool
        }

        test("growing grants the new slots at once, lowest slot to first in line") {
            val session = sql.openSession()
            val pool = sql.createPool("growing", 1)
            sql.acquire(session, pool)
            val waiting = List(3) { sql.queue(session, pool).ticket }
            sql.resize(pool, 3) shouldBe waiting.take(2)
            sql
                .state(pool)
                .leases
                .map { it.slot to it.token }
                .drop(1) shouldBe listOf(1 to waiting[0], 2 to waiting[1])
            sql.state(pool).waiting shouldBe waiting.drop(2)
        }

        test("after shrinking, slots at or above the capacity are not granted again") {
            val session = sql.openSession()
            val pool = sql.createPool("shrinking", 3)
            val held = List(3) { sql.acquire(session, pool) }
            sql.resize(pool, 1).shouldBeEmpty()
            val waiting = sql.queue(session, pool)

            held.drop(1).forEach { sql.exchange(session, pool) { release(it.slot, it.ticket) }.granted.shouldBeEmpty() }

            sql.state(pool).waiting shouldBe listOf(waiting.ticket)
            sql.exchange(session, pool) { release(0, held[0].ticket) }.granted shouldBe listOf(waiting.ticket to 0)
            sql
                .exchange(session, pool) { acquire() }
                .acquired
                .single()
                .outcome shouldBe WAITS
        }

        test("a pool grown again after shrinking grants the old slots once they are back, and not before") {
            val session = sql.openSession()
            val pool = sql.createPool("breathing", 2)
            val held = List(2) { sql.acquire(session, pool) }
            sql.resize(pool, 1)
            sql.resize(pool, 2)
            val next = sql.queue(session, pool)
            sql.exchange(session, pool) { release(1, held[1].ticket) }.granted shouldBe listOf(next.ticket to 1)
            sql.resize(pool, 4)
            sql.exchange(session, pool) { acquire() }.acquired.single() shouldBe Sql.Place(GRANTED, next.ticket + 1, 2)
        }
    })
