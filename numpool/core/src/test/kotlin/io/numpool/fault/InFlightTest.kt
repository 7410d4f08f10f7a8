package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.fault.Sql.Companion.GRANTED
import io.numpool.testkit.Await
import io.numpool.testkit.TestPostgres
import java.util.UUID
import java.util.concurrent.CompletableFuture

/** Calls that wait in the middle, and what is decided meanwhile. */
class InFlightTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val ours = Sql(database).also { it.makePatient() }
        val theirs = Sql(database)
        val other = Sql(database)
        afterSpec {
            listOf(ours, theirs, other).forEach { it.close() }
            database.close()
        }
        var pools = 0

        fun pool(capacity: Int = 1) = ours.createPool("p${pools++}", capacity)

        fun surveyed(session: Long) = other.survey().single { it.session == session }

        /** An attached session whose connection is gone, which nobody has seen yet. */
        fun abandoned(): Long {
            val session = ours.openSession()
            Sql(database).use { it.attach(session, 1) }
            val alive =
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 'session'::regclass AND objid::bigint = ?)"
            Await.until("the alive lock of session $session is free") { !(other.call(alive, session) as Boolean) }
            return session
        }

        /** What [late] gets for a call that has to wait until [early]'s is committed; its SQLSTATE when it is refused. */
        fun meeting(
            early: Sql.() -> Unit,
            late: Sql.() -> Any?,
        ): Any? {
            var calling = CompletableFuture<Any?>()
            ours.inFlight(early) {
                calling =
                    later {
                        var answer: Any? = null
                        refusal { answer = theirs.late() } ?: answer
                    }
                other.awaitWaiting(theirs)
            }
            return calling.soon()
        }

        test("a session is declared dead when its call that waits for the pool is served, and loses what that got") {
            val pool = pool()
            val session = ours.openSession()
            val seen = other.beat(session)
            var acquiring = CompletableFuture<Sql.Place>()
            var declaring = CompletableFuture<Boolean>()
            other.inFlight({ lock(pool) }) {
                acquiring = later { ours.acquire(session, pool) }
                other.awaitWaiting(ours)
                declaring = later { theirs.declareSilentDead(session, seen) }
                other.awaitWaiting(theirs)
            }
            acquiring.soon().outcome shouldBe GRANTED
            declaring.soon() shouldBe true
            surveyed(session).pools shouldBe listOf(pool)
            other.repair(session, pool).freed shouldBe 1
            other.forget(session) shouldBe true
        }

        test("an epoch is raised when the call that waits for the pool is served; its retry finds what it got, and it comes not again") {
            val pool = pool()
            val session = ours.openSession()
            val request = UUID.randomUUID()
            var acquiring = CompletableFuture<Sql.Answer>()
            var raising = CompletableFuture<Long>()
            other.inFlight({ lock(pool) }) {
                acquiring = later { ours.exchange(session, pool) { acquire(request) } }
                other.awaitWaiting(ours)
                raising = later { theirs.raiseEpoch(session, 1) }
                other.awaitWaiting(theirs)
            }
            raising.soon() shouldBe 1
            refusal { ours.exchange(session, pool) { acquire(request) } } shouldBe "NP002"
            ours.exchange(session, pool, epoch = 1, retry = true) { acquire(request) }.acquired shouldBe acquiring.soon().acquired
        }

        test("a call that waits for its session to be declared dead, or its epoch to be raised, does nothing") {
            val pool = pool()
            val session = ours.openSession()
            val before = ours.state(pool)
            meeting({ raiseEpoch(session, 1) }) { acquire(session, pool) } shouldBe "NP002"
            meeting({ declareSilentDead(session, beat(session)) }) { exchange(session, pool, epoch = 1) { acquire() } } shouldBe "NP001"
            ours.state(pool) shouldBe before
        }

        test("a renewal in flight saves its session, and one that comes after the declaration is refused") {
            val saved = ours.openSession()
            val seen = ours.beat(saved)
            meeting({ renew(saved) }) { declareSilentDead(saved, seen) } shouldBe false
            val dead = ours.openSession()
            meeting({ declareSilentDead(dead, beat(dead)) }) { renew(dead) } shouldBe "NP001"
        }

        test("an attach in flight saves its session from death by detachment, and one that comes after the declaration is refused") {
            val saved = abandoned()
            surveyed(saved).detached shouldBe true
            ours.inFlight({ attach(saved, 2) }) { theirs.declareDetachedDead(saved, 1) shouldBe false }
            theirs.declareDetachedDead(saved, 2) shouldBe false
            ours.execute("SELECT pg_advisory_unlock_all()")
            theirs.declareDetachedDead(saved, 1) shouldBe false // by another attach than was seen

            val dead = abandoned()
            surveyed(dead).detached shouldBe true
            meeting({ declareDetachedDead(dead, 1) }) { attach(dead, 2) } shouldBe "NP001"
            theirs.execute("SELECT pg_advisory_unlock_all()")
        }

        test("an attach does not save a session that has not renewed") {
            val session = ours.openSession()
            val seen = ours.beat(session)
            meeting({ attach(session, 1) }) { declareSilentDead(session, seen) } shouldBe true
            ours.execute("SELECT pg_advisory_unlock_all()")
        }

        test("an attach that meets a reaper's probe waits for it, and clears what it wrote") {
            val session = abandoned()
            meeting({ survey().single { it.session == session }.detached shouldBe true }) { attach(session, 2) }
            surveyed(session).detached shouldBe false
            theirs.execute("SELECT pg_advisory_unlock_all()")
        }

        test("a probe that meets an attach leaves the session alone") {
            val session = abandoned()
            ours.inFlight({ attach(session, 2) }) { theirs.survey().single { it.session == session }.detached shouldBe false }
            surveyed(session).detached shouldBe false
            ours.execute("SELECT pg_advisory_unlock_all()")
        }

        for (commits in listOf(true, false)) {
            test(
                "the work of a holder that stalled after its fence ends before the next one's begins: ${if (commits) "commit" else "rollback"}",
            ) {
                val id = "fenced $commits"
                val pool = other.createPool(id, 1)
                val session = other.openSession()
                val old = other.acquire(session, pool)
                ours.connection.autoCommit = false
                ours.fence(id, old.slot, old.ticket)
                other.exchange(session, pool) { release(old.slot, old.ticket) }.settled shouldBe listOf(1)
                val next = other.acquire(session, pool)
                val fencing = later { theirs.fence(id, next.slot, next.ticket) }
                other.awaitWaiting(theirs)
                if (commits) ours.connection.commit() else ours.connection.rollback()
                ours.connection.autoCommit = true
                fencing.soon()
                refusal { ours.fence(id, old.slot, old.ticket) } shouldBe "NP008"
            }
        }

        test("a slot that is marked while its release waits is free afterwards, and not marked") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            meeting(
                { evict(pool, 0) shouldBe listOf(held.ticket) },
            ) { exchange(session, pool) { release(0, held.ticket) }.settled } shouldBe
                listOf(1)
            ours.state(pool).leases.shouldBeEmpty()
            ours.marks(pool) shouldBe (emptyList<Int>() to 0)
        }

        test("an order that waits for a release is about who holds the slot then") {
            val pool = pool()
            val session = ours.openSession()
            val held = ours.acquire(session, pool)
            val next = ours.queue(session, pool)
            meeting({ exchange(session, pool) { release(0, held.ticket) } }) { evict(pool, 0) } shouldBe listOf(next.ticket)
            ours.marks(pool) shouldBe (listOf(0) to 1)
            meeting({ exchange(session, pool) { release(0, next.ticket) } }) { evict(pool, 0) } shouldBe emptyList<Long>()
            ours.marks(pool) shouldBe (emptyList<Int>() to 0)
        }

        test("the first calls in a life of the server agree on what it is called") {
            fun renewed(sql: Sql) = sql.call("SELECT incarnation FROM renew(?, '{}'::integer[])", sql.openSession())
            val before = renewed(ours)
            ours.execute("DELETE FROM incarnation")
            var first: Any? = null
            val second = meeting({ first = renewed(this) }) { renewed(this) }
            second shouldBe first
            second shouldNotBe before
        }
    })
