package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeLessThanOrEqualTo
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout
import kotlin.random.nextLong
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.TimeSource

/** Faults of processes of their own: killed, frozen. */
class ProcessFaultTest :
    FunSpec({
        mayTake(20.minutes)
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }
        val pace = Pace.FAST.orDefault()
        val quick = Pace.QUICK.orDefault()

        suspend fun survivor(
            pace: Pace,
            test: suspend (Numpool) -> Unit,
        ) = database.open("survivor") { pace.set(this) }.use { test(it) }

        /** At a random moment between two ticks of the reapers. */
        suspend fun Round.anyMoment() = delay(random.nextLong(0..pace.tick.inWholeMilliseconds).milliseconds)

        fun waiting(pool: String) = database.query("SELECT count(*) FROM numpool.waiting WHERE pool = '$pool'").toInt()

        test("kill -9 of a holder with waiters elsewhere: the next waiter is granted within the reclaim bound, and nothing twice") {
            repeated("holder killed") { round ->
                val id = "killed ${round.seed}"
                val here = History.inMemory("here")
                val there = History.inMemory("there")
                survivor(pace) { client ->
                    val pool = client.pool(id, 1)
                    database.participant(id, pace).use { holder ->
                        val held = holder.hold()
                        there.granted(id, "theirs", held.slot, held.token)
                        coroutineScope {
                            val next = queued(pool)
                            val after = queued(pool)
                            round.anyMoment()
                            here.killed("there")
                            val killed = TimeSource.Monotonic.markNow()
                            holder.kill()
                            next.soon().use {
                                val reclaimed = killed.elapsedNow()
                                println("from SIGKILL to the next grant: $reclaimed")
                                reclaimed shouldBeLessThanOrEqualTo pace.reclaimBound
                                here.granted(id, "ours", it.index, it.token)
                                it.index shouldBe held.slot
                                it.token shouldBeGreaterThan held.token
                                after.isCompleted shouldBe false
                                here.ended(id, it.index, it.token)
                            }
                            after.soon().close()
                        }
                    }
                    awaited("the slot is free") { database.isFree(id) }
                }
                HistoryChecker
                    .of(History.merge(listOf(here, there)))
                    .handOver()
                    .check()
                    .assertClean()
            }
        }

        test("kill -9 of the head waiter: the next in line gets the next slot, and nothing stalls") {
            repeated("head killed") { round ->
                val id = "head ${round.seed}"
                survivor(pace) { client ->
                    val pool = client.pool(id, 1)
                    val held = pool.acquire()
                    database.participant(id, pace).use { head ->
                        head.send("queue")
                        awaited("the other process waits") { waiting(id) == 1 }
                        coroutineScope {
                            val next = queued(pool)
                            head.kill()
                            round.anyMoment()
                            held.close()
                            val granted = TimeSource.Monotonic.markNow()
                            next.soon().close()
                            granted.elapsedNow() shouldBeLessThanOrEqualTo pace.reclaimBound
                        }
                    }
                    awaited("nothing is left") { database.isFree(id) }
                }
            }
        }

        test("kill -9 of a waiter: its place in the queue is gone, though no slot comes free") {
            repeated("waiter killed") { round ->
                val id = "left the queue ${round.seed}"
                survivor(pace) { client ->
                    val held = client.pool(id, 1).acquire()
                    database.participant(id, pace).use { waiter ->
                        waiter.send("queue")
                        awaited("the other process waits") { waiting(id) == 1 }
                        waiter.kill()
                        awaited("nobody waits") { waiting(id) == 0 }
                    }
                    held.close()
                }
            }
        }

        test("SIGSTOP of a holder past its TTL, then SIGCONT: granted on, and it sees its slot lost before it does anything with it") {
            repeated("holder frozen", AT_A_TIME) { round ->
                val id = "stopped ${round.seed}"
                survivor(quick) { client ->
                    val pool = client.pool(id, 1)
                    database.participant(id, quick).use { holder ->
                        val held = holder.hold()
                        holder.send("use")
                        holder.expect("used")
                        coroutineScope {
                            val next = queued(pool)
                            round.anyMoment()
                            holder.freeze()
                            withTimeout(quick.ttl + PATIENCE) { next.await() }.use { granted ->
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
        }
    })
