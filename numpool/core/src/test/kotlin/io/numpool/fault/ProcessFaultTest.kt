package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeLessThanOrEqualTo
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** Faults of processes of their own: killed, frozen. */
class ProcessFaultTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }

        /** grace + 2 ticks + 0.5 s, at the defaults. */
        val reclaimBound = 4.5.seconds

        test("kill -9 of a holder with waiters elsewhere: the next waiter is granted within the reclaim bound, and nothing twice") {
            val here = History.inMemory("here")
            val there = History.inMemory("there")
            database.open("survivor").use { client ->
                val pool = client.pool("killed", 1)
                database.participant("killed").use { holder ->
                    val held = holder.hold()
                    there.granted("killed", "theirs", held.slot, held.token)
                    coroutineScope {
                        val next = queued(pool)
                        val after = queued(pool)
                        here.killed("there")
                        val killed = TimeSource.Monotonic.markNow()
                        holder.kill()
                        next.soon().use {
                            val reclaimed = killed.elapsedNow()
                            println("from SIGKILL to the next grant: $reclaimed")
                            reclaimed shouldBeLessThanOrEqualTo reclaimBound
                            here.granted("killed", "ours", it.index, it.token)
                            it.index shouldBe held.slot
                            it.token shouldBeGreaterThan held.token
                            after.isCompleted shouldBe false
                            here.ended("killed", it.index, it.token)
                        }
                        after.soon().close()
                    }
                }
                awaited("the slot is free") { database.isFree("killed") }
            }
            HistoryChecker
                .of(History.merge(listOf(here, there)))
                .check()
                .assertClean()
        }

        test("kill -9 of the head waiter: the next in line gets the next slot, and nothing stalls") {
            database.open("survivor").use { client ->
                val pool = client.pool("head", 1)
                val held = pool.acquire()
                database.participant("head").use { head ->
                    head.send("queue")
                    awaited("the other process waits") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'head'") == "1" }
                    coroutineScope {
                        val next = queued(pool)
                        head.kill()
                        held.close()
                        val granted = TimeSource.Monotonic.markNow()
                        next.soon().close()
                        granted.elapsedNow() shouldBeLessThanOrEqualTo reclaimBound
                    }
                }
                awaited("nothing is left") { database.isFree("head") }
            }
        }

        test("kill -9 of a waiter: its place in the queue is gone, though no slot comes free") {
            database.open("survivor").use { client ->
                val pool = client.pool("left the queue", 1)
                val held = pool.acquire()
                database.participant("left the queue").use { waiter ->
                    waiter.send("queue")
                    awaited("the other process waits") {
                        database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'left the queue'") == "1"
                    }
                    waiter.kill()
                    awaited("nobody waits") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'left the queue'") == "0" }
                }
                held.close()
            }
        }

        test("SIGSTOP of a holder past its TTL, then SIGCONT: granted on, and it sees its slot lost before it does anything with it") {
            val ttl = 1_500L
            database.open("survivor") { reaperTick = 200.milliseconds }.use { client ->
                val pool = client.pool("stopped", 1)
                database.participant("stopped", ttlMillis = ttl, graceMillis = 500).use { holder ->
                    val held = holder.hold()
                    holder.send("use")
                    holder.expect("used")
                    coroutineScope {
                        val next = queued(pool)
                        holder.freeze()
                        next.soon().use { granted ->
                            granted.token shouldBeGreaterThan held.token
                            holder.send("use")
                            holder.thaw()
                            holder.expect("") shouldBe "not held"
                            holder.send("release")
                            holder.expect("released ") shouldBe "LOST"
                            granted.isHeld shouldBe true
                            pool.status().holders.map { it.token } shouldBe listOf(granted.token)
                        }
                    }
                    // it has a new session, and goes on
                    holder.hold().token shouldBeGreaterThan held.token
                    holder.send("use")
                    holder.expect("used")
                }
            }
        }
    })
