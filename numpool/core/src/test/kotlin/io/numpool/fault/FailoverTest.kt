package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.concurrency.TestExecutionMode
import io.kotest.matchers.longs.shouldBeLessThanOrEqual
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ReplicatedPostgres
import io.numpool.testkit.Replication
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.StopMode
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout
import kotlin.random.Random
import kotlin.random.nextLong
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.TimeSource

/** The primary goes under load, and its standby is promoted. The clients' URL names both. */
class FailoverTest :
    FunSpec({
        mayTake(20.minutes)
        testExecutionMode = TestExecutionMode.LimitedConcurrency(3) // they wait, each for servers of its own
        val pace = Pace.FAST.orDefault()
        val patient = Pace.PATIENT.orDefault()

        suspend fun replicated(
            replication: Replication,
            test: suspend (ReplicatedPostgres, TestDatabase) -> Unit,
        ) = ReplicatedPostgres.start(ServerSettings.durable(), replication).use { servers ->
            servers.newDatabase().use { test(servers, it) }
        }

        suspend fun failsOver(
            random: Random,
            pace: Pace,
            strike: (OwnPostgres) -> Unit,
        ) = replicated(Replication.SYNCHRONOUS) { servers, database ->
            Crowd.on(database, pace, random) {
                delay(random.nextLong(0..300L).milliseconds)
                val before = System.nanoTime()
                strike(servers.primary())
                delay(random.nextLong(0..300L).milliseconds)
                servers.promote()
                val promoted = TimeSource.Monotonic.markNow()
                val after = System.nanoTime()
                awaitPassing()
                println("served again within ${promoted.elapsedNow()}")
                assertTokensRose(before, after)
                if (pace == Pace.PATIENT) assertKept() // else it may have taken too long
                servers.primary().kill() // what was frozen must not come back
            }
        }

        val promise = "nothing acknowledged is lost, nothing granted twice, tokens rise, nobody is stuck"

        test("synchronous, the primary stopped at once: $promise; holders keep their slots") {
            repeated("stopped at once", AT_A_TIME) { failsOver(it.random, patient) { primary -> primary.stop(StopMode.IMMEDIATE) } }
        }

        test("synchronous, the postmaster of the primary killed: $promise; holders keep their slots") {
            repeated("postmaster killed", AT_A_TIME) { failsOver(it.random, patient, OwnPostgres::killPostmaster) }
        }

        test("synchronous, the machine of the primary dead: $promise") {
            repeated("machine dead", AT_A_TIME) { failsOver(it.random, pace, OwnPostgres::kill) }
        }

        test("synchronous, the primary frozen: $promise") {
            repeated("frozen", AT_A_TIME) { failsOver(it.random, pace, OwnPostgres::freeze) }
        }

        test(
            "synchronous, the old primary thawed after the promotion: it grants nothing more, and who holds by it loses before others get",
        ) {
            repeated("thawed", AT_A_TIME) { round ->
                replicated(Replication.SYNCHRONOUS) { servers, database ->
                    Crowd.on(database, pace, round.random) {
                        delay(round.random.nextLong(0..300L).milliseconds)
                        servers.primary().freeze()
                        val old = servers.databaseOn(servers.primary(), database)
                        val new = servers.databaseOn(servers.standby(), database)
                        awaited("all that was sent to be replayed") {
                            new.query("SELECT pg_last_wal_replay_lsn() = pg_last_wal_receive_lsn()") == "t"
                        }
                        val last = new.tickets()
                        servers.promote()
                        servers.primary().thaw()
                        Crowd.client("stranger", new.urlWithPassword(), pace).use {
                            coroutineScope {
                                val passing = async { passThrough(it) }
                                awaited("a commit that waits for ever") { old.waitingCommits() > 0 }
                                withTimeout(pace.ttl * 2 + PATIENCE) { passing.await() }
                            }
                        }
                        old.tickets() shouldBeLessThanOrEqual last
                        servers.primary().kill()
                        awaitPassing()
                    }
                }
            }
        }
    })

/** How many acquires the pools of this server have seen. */
private fun TestDatabase.tickets(): Long = query("SELECT sum(last_ticket) FROM numpool.pool_state").toLong()

private fun TestDatabase.waitingCommits(): Int = query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").toInt()
