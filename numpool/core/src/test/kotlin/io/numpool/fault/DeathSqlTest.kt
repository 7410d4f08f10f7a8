package io.numpool.fault

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.testkit.Await
import io.numpool.testkit.TestPostgres
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException

class DeathSqlTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val ours = Sql(database)
        val reaper = Sql(database)
        afterSpec {
            ours.close()
            reaper.close()
            database.close()
        }
        var pools = 0

        fun pool(capacity: Int = 1) = ours.createPool("p${pools++}", capacity)

        fun surveyed(session: Long) = reaper.survey().single { it.session == session }

        /** A session whose listener connection came and went. */
        fun detached(number: Long = 1): Long {
            val session = ours.openSession()
            Sql(database).use { it.attach(session, number) }
            Await.until("session $session seen as detached") { surveyed(session).detached }
            return session
        }

        test("a session is declared dead only when no call of it is in flight, so no grant comes after") {
            val pool = pool()
            val session = ours.openSession()
            val seen = reaper.beat(session)
            ours.inFlight({ acquire(session, pool) }) {
                refusal { reaper.declareSilentDead(session, seen) } shouldBe "55P03"
                refusal { reaper.endSession(session) } shouldBe "55P03"
            }
            reaper.declareSilentDead(session, seen) shouldBe true
            surveyed(session).pools shouldBe listOf(pool)
        }

        test("nothing is left of a call that was in flight when its session was to die") {
            val pool = pool()
            val session = ours.openSession()
            val seen = reaper.beat(session)

            /** What a reaper does; one whose step fails leaves the rest to the next tick. */
            fun bury() {
                if (refusal { reaper.declareSilentDead(session, seen) } != null) return
                surveyed(session).pools.forEach { reaper.repair(session, it) }
                reaper.forget(session)
            }
            ours.inFlight({ acquire(session, pool) }) { bury() }
            bury()
            ours.state(pool).leases.shouldBeEmpty()
        }

        test("a renewal in flight saves the session: the beat is read again after it") {
            val session = ours.openSession()
            val seen = reaper.beat(session)
            ours.inFlight({ renew(session) }) { refusal { reaper.declareSilentDead(session, seen) } shouldBe "55P03" }
            reaper.beat(session) shouldNotBe seen
            reaper.declareSilentDead(session, seen) shouldBe false
            ours.renew(session)
        }

        test("a renewal of a dead session is refused") {
            val session = ours.openSession()
            reaper.declareSilentDead(session, reaper.beat(session)) shouldBe true
            refusal { ours.renew(session) } shouldBe "NP001"
            refusal { ours.attach(session, 1) } shouldBe "NP001"
            refusal { ours.raiseEpoch(session, 1) } shouldBe "NP001"
        }

        test("a session whose listener connection lives is not dead by detachment") {
            val session = ours.openSession()
            ours.attach(session, 1)
            surveyed(session).detached shouldBe false
            reaper.declareDetachedDead(session, 1) shouldBe false
            ours.execute("SELECT pg_advisory_unlock_all()")
        }

        test("a session that was never attached is not dead by detachment") {
            val session = ours.openSession()
            surveyed(session).detached shouldBe false
            reaper.declareDetachedDead(session, 0) shouldBe false
            ours.renew(session)
        }

        test("a session whose listener connection is gone is dead by detachment") {
            val session = detached()
            reaper.declareDetachedDead(session, 1) shouldBe true
            surveyed(session).dead shouldBe true
        }

        test("a session that attached again meanwhile is not dead: the attach number is read again") {
            val session = detached(1)
            Sql(database).use { it.attach(session, 2) }
            Await.until("seen as detached again") { surveyed(session).detached }
            reaper.declareDetachedDead(session, 1) shouldBe false
            reaper.declareDetachedDead(session, 2) shouldBe true
        }

        test("a session that was attached in an earlier life of the server is not dead by detachment") {
            val session = detached()
            ours.execute("DELETE FROM incarnation") // as a crash leaves it
            surveyed(session).detached shouldBe false
            reaper.declareDetachedDead(session, 1) shouldBe false

            val other = ours.openSession()
            Sql(database).use { it.attach(other, 1) }
            ours.execute("DELETE FROM incarnation")
            surveyed(other).detached shouldBe false // though its lock is free
            ours.call("SELECT detached_since FROM session WHERE id = ?", other) shouldBe null
        }

        test("an attach clears the mark that the connection was gone") {
            val session = detached(1)
            Sql(database).use {
                it.attach(session, 2)
                surveyed(session).detached shouldBe false
                reaper.declareDetachedDead(session, 2) shouldBe false
            }
        }

        test("a late attach is refused, changes nothing and does not hold the lock that says alive") {
            val session = ours.openSession()
            val late = Sql(database)
            val current = Sql(database)
            current.attach(session, 2)
            refusal { late.attach(session, 1) } shouldBe "NP006"
            current.close()
            Await.until("seen as detached") { surveyed(session).detached }
            reaper.declareDetachedDead(session, 2) shouldBe true
            late.close()
        }

        test("an attach waits longer for a lock than the next attempt could") {
            val session = ours.openSession()
            Sql(database).use { attached ->
                lateinit var attaching: CompletableFuture<Unit>
                ours.inFlight({ raiseEpoch(session, 1) }) {
                    attaching = later { attached.attach(session, 1) }
                    reaper.awaitWaiting(attached)
                    shouldThrow<TimeoutException> { attaching.get(1, TimeUnit.SECONDS) }
                }
                attaching.soon()
            }
        }

        test("neither an attach nor the probe that it may wait for waits for the disk") {
            val session = ours.openSession()
            ours.execute("SET synchronous_commit = on")
            for (call in listOf<Sql.() -> Unit>({ attach(session, 1) }, { survey() })) {
                ours.inFlight(call) { ours.call("SHOW synchronous_commit") shouldBe "off" }
                ours.call("SHOW synchronous_commit") shouldBe "on"
            }
            ours.execute("SELECT pg_advisory_unlock_all()")
        }

        test("an attach ends the session's earlier listener connection, which may be half open") {
            val session = ours.openSession()
            val earlier = Sql(database)
            earlier.attach(session, 1)
            Sql(database).use {
                it.attach(session, 2)
                Await.until("the earlier connection is ended") { !earlier.connection.isValid(5) }
            }
            earlier.close()
        }

        test("a repair that one reaper left half done is gone on with by any other") {
            val session = ours.openSession()
            val touched = listOf(pool(), pool())
            touched.forEach { ours.acquire(session, it) }
            reaper.declareSilentDead(session, reaper.beat(session)) shouldBe true
            reaper.repair(session, touched[0]).freed shouldBe 1
            reaper.forget(session) shouldBe false

            Sql(database).use { another ->
                val left = another.survey().single { it.session == session }
                left.dead shouldBe true
                left.pools shouldBe listOf(touched[1])
                another.repair(session, touched[1]).freed shouldBe 1
                another.forget(session) shouldBe true
            }
            touched.forEach { ours.state(it).leases.shouldBeEmpty() }
        }

        test("a session that another forgets at the same time is gone when forget answers") {
            val session = ours.openSession()
            ours.endSession(session).shouldBeEmpty()
            var second = CompletableFuture<Boolean>()
            ours.inFlight({ forget(session) }) {
                second = later { reaper.forget(session) }
                ours.awaitWaiting(reaper)
            } shouldBe true
            second.soon() shouldBe false
        }

        test("two repairs of one pool at a time: the second leaves it to the first") {
            val session = ours.openSession()
            val pool = pool()
            ours.acquire(session, pool)
            ours.endSession(session)
            ours.inFlight({ repair(session, pool) }) { reaper.repair(session, pool).done shouldBe false }.freed shouldBe 1
        }

        test("a repair grants what it freed to the head of the queue, and says whom to tell") {
            val session = ours.openSession()
            val pool = pool()
            ours.acquire(session, pool)
            ours.queue(session, pool)
            val live = reaper.openSession()
            val head = reaper.queue(live, pool)
            ours.endSession(session) shouldBe listOf(pool)

            val repaired = reaper.repair(session, pool)

            repaired.freed shouldBe 1
            repaired.sessions shouldBe listOf(live)
            repaired.tickets shouldBe listOf(head.ticket)
            ours.state(pool).leases shouldBe listOf(Sql.Lease(0, head.ticket, live))
            ours.state(pool).waiting.shouldBeEmpty()
        }

        test("a live session is not repaired") {
            val session = ours.openSession()
            val pool = pool()
            ours.acquire(session, pool)
            val before = ours.state(pool)
            refusal { reaper.repair(session, pool) } shouldBe "22023"
            ours.state(pool) shouldBe before
        }

        test("a session opened as the successor of another ends it in the same call") {
            val pool = pool()
            val lost = ours.openSession()
            ours.acquire(lost, pool)
            ours.openSession(predecessor = lost)
            refusal { ours.acquire(lost, pool) } shouldBe "NP001"
            surveyed(lost).dead shouldBe true
        }
    })
