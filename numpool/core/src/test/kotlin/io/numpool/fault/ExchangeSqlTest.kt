package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldContainExactly
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.fault.Sql.Companion.FOREIGN_ID
import io.numpool.fault.Sql.Companion.GRANTED
import io.numpool.fault.Sql.Companion.INCOMPLETE
import io.numpool.fault.Sql.Companion.NOT_SERVED
import io.numpool.fault.Sql.Companion.WAITS
import io.numpool.testkit.TestPostgres
import java.util.UUID

class ExchangeSqlTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val ours = Sql(database)
        val theirs = Sql(database)
        afterSpec {
            ours.close()
            theirs.close()
            database.close()
        }
        var pools = 0

        fun pool(capacity: Int = 1) = ours.createPool("p${pools++}", capacity)

        test("a release under an old token changes nothing") {
            val pool = pool()
            val session = ours.openSession()
            val first = ours.acquire(session, pool)
            ours.exchange(session, pool) { release(0, first.ticket) }.settled shouldBe listOf(1)
            val second = ours.acquire(session, pool)
            val before = ours.state(pool)

            ours.exchange(session, pool) { release(0, first.ticket) }.settled shouldBe listOf(0)

            ours.state(pool) shouldBe before
            second.ticket shouldBeGreaterThan first.ticket
        }

        test("a release by a session that does not hold the slot changes nothing, whichever token it names") {
            val pool = pool()
            val holder = ours.openSession()
            val held = ours.acquire(holder, pool)
            val other = theirs.openSession()
            val waiting = theirs.queue(other, pool)
            val before = ours.state(pool)

            theirs.exchange(other, pool) { release(0, held.ticket) }.settled shouldBe listOf(0)
            theirs.exchange(other, pool) { release(0, waiting.ticket) }.settled shouldBe listOf(0)
            theirs.exchange(other, pool) { cancel(held.ticket) }.settled shouldBe listOf(0)

            ours.state(pool) shouldBe before
        }

        test("a cancel by a session whose place it is not changes nothing") {
            val pool = pool()
            val holder = ours.openSession()
            ours.acquire(holder, pool)
            val waiting = ours.queue(holder, pool)
            val before = ours.state(pool)

            theirs.exchange(theirs.openSession(), pool) { cancel(waiting.ticket) }.settled shouldBe listOf(0)

            ours.state(pool) shouldBe before
        }

        test("a call under an old epoch is refused and changes nothing") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            ours.raiseEpoch(session, 7) shouldBe 7
            val before = ours.state(pool)

            refusal {
                ours.exchange(session, pool, epoch = 0) {
                    release(0, held.ticket)
                    acquire()
                }
            } shouldBe "NP002"

            ours.state(pool) shouldBe before
            ours.exchange(session, pool, epoch = 7) { release(0, held.ticket) }.settled shouldBe listOf(1)
        }

        test("an epoch is never lowered") {
            val session = ours.openSession()
            ours.raiseEpoch(session, 7) shouldBe 7
            ours.raiseEpoch(session, 3) shouldBe 7
        }

        test("an epoch is raised only after what is in flight, and what comes later under the old one is refused") {
            val pool = pool()
            val session = ours.openSession()
            ours.inFlight({ acquire(session, pool) }) { refusal { theirs.raiseEpoch(session, 1) } shouldBe "55P03" }
            theirs.raiseEpoch(session, 1) shouldBe 1
            refusal { ours.acquire(session, pool) } shouldBe "NP002"
        }

        test("a call of a dead session is refused and changes nothing") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val waiting = ours.queue(session, pool)
            theirs.declareSilentDead(session, theirs.beat(session)) shouldBe true
            val before = ours.state(pool)

            refusal {
                ours.exchange(session, pool) {
                    release(0, held.ticket)
                    cancel(waiting.ticket)
                    acquire()
                }
            } shouldBe "NP001"

            ours.state(pool) shouldBe before
        }

        test("a call of a session that is gone is refused and changes nothing") {
            val pool = pool()
            val session = ours.openSession()
            ours.endSession(session).shouldBeEmpty()
            ours.forget(session) shouldBe true
            val before = ours.state(pool)
            refusal { ours.acquire(session, pool) } shouldBe "NP001"
            ours.state(pool) shouldBe before
        }

        test(
            "a slot, a place and a cancel are on disk when they are told, whatever the role's default; a release alone is not waited for",
        ) {
            val pool = pool()
            val session = ours.openSession()
            ours.execute("SET synchronous_commit = off")

            fun commitOf(call: Sql.() -> Unit): Any? {
                var how: Any? = null
                ours.inFlight(call) { how = ours.call("SHOW synchronous_commit") }
                return how
            }
            commitOf { acquire(session, pool) } shouldBe "on"
            commitOf { queue(session, pool) } shouldBe "on"
            val (held) = ours.state(pool).leases
            val (place) = ours.state(pool).waiting
            commitOf { exchange(session, pool) { cancel(place) } } shouldBe "on"
            commitOf { exchange(session, pool) { release(held.slot, held.token) } } shouldBe "off"
            ours.execute("RESET synchronous_commit")
        }

        test("a call inside a transaction that is not READ COMMITTED is refused") {
            val pool = pool()
            val session = ours.openSession()
            ours.execute("SET default_transaction_isolation = 'repeatable read'")
            try {
                refusal { ours.acquire(session, pool) } shouldBe "NP005"
            } finally {
                ours.execute("RESET default_transaction_isolation")
            }
        }

        test("a retry finds the ticket that the first call took, waiting or granted, and takes no other") {
            val pool = pool()
            val session = ours.openSession()
            val requests = List(3) { UUID.randomUUID() }
            val first = ours.exchange(session, pool) { requests.forEach { acquire(it) } }
            first.acquired.map { it.outcome } shouldBe listOf(GRANTED, WAITS, WAITS)
            val before = ours.state(pool)

            val again = ours.exchange(session, pool, retry = true) { requests.forEach { acquire(it) } }

            again.acquired shouldBe first.acquired
            again.granted shouldContainExactly listOf(first.acquired[0].ticket to 0)
            ours.state(pool) shouldBe before
        }

        test("several slots of which some were taken back before they were heard of are not taken for others") {
            val pool = pool(4)
            val session = ours.openSession()
            val request = UUID.randomUUID()
            for (named in listOf(false, true)) {
                val first = ours.exchange(session, pool) { acquire(request, slots = 3, named = named) }.acquired.single()
                ours.evict(pool, first.slot) shouldBe listOf(first.ticket)
                val order = ours.call("SELECT number FROM eviction WHERE pool = ?", pool)
                ours.call("SELECT freed FROM free_evicted(?, ?, ?)", pool, first.slot, order) shouldBe true

                val again =
                    ours.exchange(session, pool, retry = !named) {
                        acquire(request, slots = 3, named = named)
                        acquire()
                    }
                again.acquired.map { it.outcome } shouldBe listOf(INCOMPLETE, GRANTED)

                ours.state(pool).leases.forEach { lease -> ours.exchange(session, pool) { release(lease.slot, lease.token) } }
                val new = ours.exchange(session, pool, retry = true) { acquire(request, slots = 3, named = named) }
                new.acquired.single().outcome shouldBe GRANTED
                ours.state(pool).leases.forEach { lease -> ours.exchange(session, pool) { release(lease.slot, lease.token) } }
            }
        }

        test("a retry of a call that never arrived does what the call asked for") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val again =
                ours.exchange(session, pool, retry = true) {
                    release(0, held.ticket)
                    acquire()
                }
            again.settled shouldBe listOf(1)
            again.acquired.single().outcome shouldBe GRANTED
        }

        test("a retried release of a call that arrived does not free the slot of the next holder") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val next = theirs.openSession()
            theirs.queue(next, pool)
            ours
                .exchange(session, pool) { release(0, held.ticket) }
                .toOthers
                .single()
                .first shouldBe next
            val before = ours.state(pool)
            ours.exchange(session, pool, retry = true) { release(0, held.ticket) }.settled shouldBe listOf(0)
            ours.state(pool) shouldBe before
        }

        test("a retried try finds the slot it got, and tries again when it got none") {
            val pool = pool()
            val session = ours.openSession()
            val request = UUID.randomUUID()
            val served = ours.exchange(session, pool) { acquire(request, attempt = true) }.acquired.single()
            served.outcome shouldBe GRANTED
            ours.exchange(session, pool, retry = true) { acquire(request, attempt = true) }.acquired.single() shouldBe served

            val other = UUID.randomUUID()
            ours
                .exchange(session, pool) { acquire(other, attempt = true) }
                .acquired
                .single()
                .outcome shouldBe NOT_SERVED
            ours
                .exchange(session, pool, retry = true) {
                    release(served.slot, served.ticket)
                    acquire(other, attempt = true)
                }.acquired
                .single()
                .outcome shouldBe GRANTED
        }

        test("a try is not served while somebody waits") {
            val pool = pool()
            val session = ours.openSession()
            ours.acquire(session, pool)
            val first = theirs.queue(theirs.openSession(), pool)
            ours
                .exchange(session, pool) { acquire(attempt = true) }
                .acquired
                .single()
                .outcome shouldBe NOT_SERVED
            ours.state(pool).waiting shouldBe listOf(first.ticket)
        }

        test("a request id that the user chose has one ticket, however often it is sent") {
            val pool = pool()
            val session = ours.openSession()
            val id = UUID.randomUUID()
            val granted = ours.exchange(session, pool) { acquire(id, named = true) }.acquired.single()
            ours
                .exchange(session, pool) {
                    acquire(id, named = true)
                    acquire(id, named = true)
                }.acquired shouldBe listOf(granted, granted)

            val waits = UUID.randomUUID()
            val place = ours.exchange(session, pool) { acquire(waits, named = true) }.acquired.single()
            ours.exchange(session, pool) { acquire(waits, named = true) }.acquired shouldBe listOf(place)
        }

        test("a request id that the user chose has one ticket, also behind a try of the same call that got none") {
            val pool = pool()
            val session = ours.openSession()
            ours.acquire(session, pool)
            val id = UUID.randomUUID()
            val (tried, first, second) =
                ours
                    .exchange(session, pool) {
                        acquire(id, attempt = true, named = true)
                        acquire(id, named = true)
                        acquire(id, named = true)
                    }.acquired
            tried.outcome shouldBe NOT_SERVED
            first.outcome shouldBe WAITS
            second shouldBe first
            ours.state(pool).waiting shouldBe listOf(first.ticket)
        }

        test("a retry finds the slot that the first call got, though the pool was deleted in between") {
            val pool = pool()
            val session = ours.openSession()
            val request = UUID.randomUUID()
            val first = ours.exchange(session, pool) { acquire(request) }
            theirs.delete(pool)

            val again = ours.exchange(session, pool, retry = true) { acquire(request) }

            again.acquired shouldBe first.acquired
            ours.exchange(session, pool) { release(0, first.acquired[0].ticket) }.settled shouldBe listOf(1)
            refusal { ours.acquire(session, pool) } shouldBe "NP003"
        }

        test("a call without an epoch is refused") {
            val pool = pool()
            val session = ours.openSession()
            refusal {
                ours.call("SELECT exchange(?, NULL, ?, false, '{}', '{}', '{}', '{}', '{}', '{}')::text", session, pool)
            } shouldBe "NP002"
        }

        test("a request id of another live session is refused, and free when that session is dead") {
            val pool = pool(2)
            val first = ours.openSession()
            val second = theirs.openSession()
            val id = UUID.randomUUID()
            ours.exchange(first, pool) { acquire(id, named = true) }
            val before = ours.state(pool)
            theirs
                .exchange(second, pool) { acquire(id, named = true) }
                .acquired
                .single()
                .outcome shouldBe FOREIGN_ID
            ours.state(pool) shouldBe before

            ours.endSession(first)
            theirs
                .exchange(second, pool) { acquire(id, named = true) }
                .acquired
                .single()
                .outcome shouldBe GRANTED
        }

        test("a cancel of a ticket that was granted meanwhile frees its slot for the next in line") {
            val pool = pool()
            val holder = ours.openSession()
            val waiter = theirs.openSession()
            val held = ours.acquire(holder, pool)
            val head = theirs.queue(waiter, pool)
            val next = theirs.queue(waiter, pool)
            ours.exchange(holder, pool) { release(0, held.ticket) }.toOthers shouldBe listOf(waiter to head.ticket)

            val answer = theirs.exchange(waiter, pool) { cancel(head.ticket) }

            answer.settled shouldBe listOf(1)
            answer.granted shouldBe listOf(next.ticket to 0)
            ours.state(pool).leases.map { it.token } shouldBe listOf(next.ticket)
        }

        test("what is settled and asked for in one call happens in order: the head of the queue goes before the caller's new request") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val other = theirs.openSession()
            val head = theirs.queue(other, pool)
            val answer =
                ours.exchange(session, pool) {
                    release(0, held.ticket)
                    acquire()
                }
            answer.toOthers shouldBe listOf(other to head.ticket)
            answer.acquired.single().outcome shouldBe WAITS
        }

        test("a slot that is handed over is its ticket's, under whose token it is released") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val next = ours.queue(session, pool)
            val other = theirs.openSession()
            val last = theirs.queue(other, pool)

            val answer = ours.exchange(session, pool) { handOver(0, held.ticket, next.ticket) }

            answer.settled shouldBe listOf(1)
            answer.granted.shouldBeEmpty()
            answer.toOthers.shouldBeEmpty()
            ours.state(pool).leases.shouldContainExactly(Sql.Lease(0, next.ticket, session))
            ours.state(pool).waiting.shouldContainExactly(last.ticket)
            ours.exchange(session, pool) { release(0, held.ticket) }.settled shouldBe listOf(0)
            val released = ours.exchange(session, pool) { release(0, next.ticket) }
            released.settled shouldBe listOf(1)
            released.toOthers shouldBe listOf(other to last.ticket)
        }

        test("a hand-over to a ticket frees the slot that it was granted meanwhile, for the next in line") {
            val pool = pool(2)
            val session = ours.openSession()
            val other = theirs.openSession()
            val held = ours.acquire(session, pool)
            val theirSlot = theirs.acquire(other, pool)
            val next = ours.queue(session, pool)
            val last = theirs.queue(other, pool)
            theirs.exchange(other, pool) { release(theirSlot.slot, theirSlot.ticket) }.toOthers shouldBe listOf(session to next.ticket)

            val answer = ours.exchange(session, pool) { handOver(held.slot, held.ticket, next.ticket) }

            answer.settled shouldBe listOf(1)
            answer.toOthers shouldBe listOf(other to last.ticket)
            ours.state(pool).leases shouldBe
                listOf(Sql.Lease(held.slot, next.ticket, session), Sql.Lease(theirSlot.slot, last.ticket, other))
        }

        test("a hand-over is done once, however often it is sent") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val next = ours.queue(session, pool)
            ours.exchange(session, pool) { handOver(0, held.ticket, next.ticket) }.settled shouldBe listOf(1)
            ours.raiseEpoch(session, 1)
            val before = ours.state(pool)

            val again = ours.exchange(session, pool, epoch = 1, retry = true) { handOver(0, held.ticket, next.ticket) }

            again.settled shouldBe listOf(1)
            again.granted shouldBe listOf(next.ticket to 0)
            ours.state(pool) shouldBe before
        }

        test("a hand-over by a session that does not hold the slot is stale, and its ticket waits no more") {
            val pool = pool()
            val holder = ours.openSession()
            val held = ours.acquire(holder, pool)
            val other = theirs.openSession()
            val next = theirs.queue(other, pool)

            theirs.exchange(other, pool) { handOver(0, held.ticket, next.ticket) }.settled shouldBe listOf(0)

            ours.state(pool).leases.shouldContainExactly(Sql.Lease(0, held.ticket, holder))
            ours.state(pool).waiting.shouldBeEmpty()
        }

        test("a hand-over to a ticket of another session, or of one that asked for several, is refused and changes nothing") {
            val pool = pool(2)
            val session = ours.openSession()
            val other = theirs.openSession()
            val held = ours.acquire(session, pool)
            val theirSlot = theirs.acquire(other, pool)
            val several =
                ours
                    .exchange(session, pool) { acquire(slots = 2) }
                    .acquired
                    .single()
                    .ticket
            val foreign = theirs.queue(other, pool).ticket
            val before = ours.state(pool)
            for (ticket in listOf(foreign, several, several + 1, theirSlot.ticket)) {
                refusal { ours.exchange(session, pool) { handOver(held.slot, held.ticket, ticket) } } shouldBe "22023"
            }
            ours.state(pool) shouldBe before
        }

        test("nothing but releases, cancels and hand-overs with their tickets is settled") {
            val pool = pool()
            val session = ours.openSession()
            for (kinds in listOf("ARRAY[3]", "ARRAY[NULL::smallint]", "ARRAY[-1]", "ARRAY[2]")) {
                refusal {
                    ours.call(
                        "SELECT incarnation FROM exchange(?, 0, ?, false, $kinds::smallint[], '{0}', '{1}', '{}', '{}', '{}')",
                        session,
                        pool,
                    )
                } shouldBe "22023"
            }
        }

        test("no ticket of another session waits below the foreign bound") {
            val pool = pool()
            val session = ours.openSession()
            val other = theirs.openSession()

            fun bound(from: Long = 0) = ours.exchange(session, pool) { foreignFrom = from }.foreignBound
            ours.acquire(session, pool)
            val own = List(300) { ours.queue(session, pool).ticket }
            bound() shouldBe own[255] + 1 // 256 places at a time
            bound(own[255] + 1) shouldBe own.last() + 1
            val foreign = theirs.queue(other, pool).ticket
            ours.queue(session, pool)
            bound(own[255] + 1) shouldBe foreign
            bound(foreign) shouldBe foreign
            theirs.exchange(other, pool) { cancel(foreign) }
            bound(foreign) shouldBe foreign + 2
        }

        test("what left the head of the queue is not walked over again") {
            val pool = pool()
            val session = ours.openSession()
            var held = ours.acquire(session, pool).ticket
            repeat(3) {
                val (first, second, third) = List(3) { ours.queue(session, pool).ticket }
                ours.exchange(session, pool) {
                    handOver(0, held, second)
                    cancel(first)
                }
                ours.state(pool).pool.first() shouldContain "low $third,"
                ours.exchange(session, pool) { cancel(third) }
                ours.state(pool).pool.first() shouldContain "low ${third + 1},"
                held = second
            }
        }

        test("waiters of a dead session are passed over") {
            val pool = pool()
            val holder = ours.openSession()
            val held = ours.acquire(holder, pool)
            val dead = theirs.openSession()
            theirs.queue(dead, pool)
            val live = ours.openSession()
            val next = ours.queue(live, pool)
            theirs.declareSilentDead(dead, theirs.beat(dead)) shouldBe true
            ours.exchange(holder, pool) { release(0, held.ticket) }.toOthers shouldBe listOf(live to next.ticket)
            ours.state(pool).waiting.shouldBeEmpty()
        }
    })
