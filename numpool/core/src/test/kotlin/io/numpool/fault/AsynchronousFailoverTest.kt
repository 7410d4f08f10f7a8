package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.concurrency.TestExecutionMode
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.Numpool
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourceState
import io.numpool.testkit.ReplicatedPostgres
import io.numpool.testkit.Replication
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.StopMode
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

/** The new primary lacks what the old one acknowledged last, and each client finds out what is no longer true. */
class AsynchronousFailoverTest :
    FunSpec({
        mayTake(20.minutes)
        testExecutionMode = TestExecutionMode.LimitedConcurrency(3) // they wait, each for servers of its own

        class Scene(
            val servers: ReplicatedPostgres,
            val database: TestDatabase,
            val one: Numpool,
            val other: Numpool,
        ) {
            private val sessions = sessions()

            private fun sessions() = listOf(one.session, other.session)

            suspend fun client(name: String) = clientOf(database.urlWithPassword(), name)

            /** From now on the standby misses everything. */
            fun lag() {
                servers.awaitCaughtUp()
                servers.stopReceiving()
            }

            fun failOver() {
                servers.primary().stop(StopMode.IMMEDIATE)
                servers.promote()
            }

            suspend fun assertSessionsLiveOn(pool: String) {
                awaited("every slot of '$pool' to be free") { database.isFree(pool) }
                sessions() shouldBe sessions
            }
        }

        suspend fun scene(test: suspend Scene.() -> Unit) =
            ReplicatedPostgres.start(ServerSettings.durable(), Replication.ASYNCHRONOUS).use { servers ->
                servers.newDatabase().use { database ->
                    clientOf(database.urlWithPassword(), "one").use { one ->
                        clientOf(database.urlWithPassword(), "other").use { other -> Scene(servers, database, one, other).test() }
                    }
                }
            }

        test("a slot that the new primary does not know is lost to its holder, one that it knows is kept") {
            scene {
                val known = one.pool("known", 2).acquire()
                lag()
                coroutineScope {
                    val told = CompletableDeferred<Resource>()
                    val block =
                        async {
                            runCatching {
                                other.pool("known").withResource {
                                    told.complete(it)
                                    awaitCancellation()
                                }
                            }
                        }
                    val unknown = told.soon()
                    failOver()
                    block
                        .soon()
                        .exceptionOrNull()
                        .shouldBeInstanceOf<ResourceLostException>()
                        .token shouldBe unknown.token
                    unknown.isHeld shouldBe false
                    unknown.release() shouldBe ResourceState.LOST
                }
                known.isHeld shouldBe true
                one.pool("known").acquire(timeout = PATIENCE).use { it.index shouldBe 1 - known.index }
                known.release() shouldBe ResourceState.RELEASED
                assertSessionsLiveOn("known")
            }
        }

        test("under load: nobody is stuck, nothing is left held, and nothing that is granted from then on is granted twice") {
            repeated("asynchronous", AT_A_TIME) { round ->
                ReplicatedPostgres.start(ServerSettings.durable(), Replication.ASYNCHRONOUS).use { servers ->
                    servers.newDatabase().use { database ->
                        Crowd.on(database, Pace.FAST.orDefault(), round.random) {
                            servers.stopReceiving()
                            awaitPassing()
                            servers.primary().kill()
                            servers.promote()
                            awaitPassing()
                            forgetPast()
                            awaitPassing()
                        }
                    }
                }
            }
        }

        test("a release that the new primary does not know is made again") {
            scene {
                val held = one.pool("released", 1).acquire()
                lag()
                held.release() shouldBe ResourceState.RELEASED
                failOver()
                other.pool("released").acquire(timeout = PATIENCE).use { it.token shouldBeGreaterThan held.token }
                assertSessionsLiveOn("released")
            }
        }

        test("a place in the queue that its client has left, which the new primary does not know, is left again") {
            scene {
                val held = one.pool("left", 1).acquire()
                coroutineScope {
                    val waiting = queued(other.pool("left"))
                    lag()
                    waiting.cancel()
                    awaited("it left") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'left'") == "0" }
                    // seldom seen after the failover: it is left again at once
                    servers
                        .databaseOn(
                            servers.standby(),
                            database,
                        ).query("SELECT count(*) FROM numpool.waiting WHERE pool = 'left'") shouldBe
                        "1"
                    failOver()
                    awaited("it is left again") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = 'left'") == "0" }
                }
                held.release() shouldBe ResourceState.RELEASED
                one.pool("left").acquire(timeout = PATIENCE).release() shouldBe ResourceState.RELEASED
                assertSessionsLiveOn("left")
            }
        }

        test("a place in the queue that the new primary does not know is taken again") {
            scene {
                val held = one.pool("queued", 1).acquire()
                lag()
                coroutineScope {
                    val waiting = queued(other.pool("queued"))
                    failOver()
                    held.release() shouldBe ResourceState.RELEASED
                    waiting.soon().release() shouldBe ResourceState.RELEASED
                }
                assertSessionsLiveOn("queued")
            }
        }

        test("the numbers of a session and of a pool that the new primary does not know are not given to others") {
            scene {
                for (sequence in listOf("session_id_seq", "pool_number_seq")) database.useUpLogged(sequence)
                lag()
                client("late").use { late ->
                    val session = late.session
                    val held = late.pool("lost", 1).acquire()
                    val number = database.number("lost")
                    failOver()
                    client("fresh").use { fresh ->
                        fresh.session shouldBeGreaterThan session
                        fresh.pool("new", 1).acquire().use {
                            database.number("new") shouldBeGreaterThan number
                            awaited("it is lost") { !held.isHeld }
                            it.isHeld shouldBe true
                        }
                    }
                }
            }
        }

        test("a standby that is asked before it is promoted: who waits waits on") {
            scene {
                one.pool("early", 1)
                servers.awaitCaughtUp()
                val standby = servers.databaseOn(servers.standby(), database)
                Sql(standby).use { sql ->
                    val number = database.number("early")
                    val calls: List<() -> Unit> =
                        listOf(
                            { sql.acquire(one.session, number) },
                            { sql.call("SELECT poll(?, ?)", one.session, number) },
                            { sql.createPool("none", 1) },
                            { sql.openSession() },
                            { sql.survey() },
                            { sql.renew(one.session) },
                        )
                    calls.map { refusal(it) } shouldBe calls.map { "25006" }
                }
                val url = database.urlWithPassword().replace("targetServerType=primary", "targetServerType=any")
                clientOf(url, "any").use { any ->
                    val pool = any.pool("early")
                    servers.primary().stop(StopMode.IMMEDIATE)
                    coroutineScope {
                        val waiting = async(Dispatchers.Default) { pool.acquire() }
                        awaited("the standby is asked") { standby.query(ASKED) == "t" }
                        waiting.isCompleted shouldBe false
                        servers.promote()
                        waiting.soon().release() shouldBe ResourceState.RELEASED
                    }
                }
            }
        }

        test("a session that the new primary does not know is lost with what it held, and who waited waits again") {
            scene {
                one.pool("unknown", 1)
                lag()
                client("late").use { late ->
                    val session = late.session
                    val held = late.pool("unknown").acquire()
                    coroutineScope {
                        val waiting = queued(late.pool("unknown"))
                        failOver()
                        waiting.soon().release() shouldBe ResourceState.RELEASED
                    }
                    held.isHeld shouldBe false
                    late.session shouldBeGreaterThan session
                }
                assertSessionsLiveOn("unknown")
            }
        }
    })

/** Long enough for a failover to be over before a session is. */
private suspend fun clientOf(
    url: String,
    name: String,
): Numpool =
    Numpool
        .open(url) {
            this.name = name
            openTimeout = PATIENCE // a disk may take its time for what is flushed at a promotion
            sessionTtl = 60.seconds
            detachGrace = 15.seconds
            reaperTick = 200.milliseconds
        }.also { it.awaitListening() }

private fun TestDatabase.number(pool: String): Int = query("SELECT number FROM numpool.pool WHERE id = '$pool'").toInt()

/** For a slot, or, where the last call's outcome is unknown, for the epoch before that. */
private const val ASKED =
    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query ~ 'exchange|raise_epoch' AND pid <> pg_backend_pid())"

/** Until the next number would be the first that is not in the log. */
private fun TestDatabase.useUpLogged(sequence: String) {
    while (query("SELECT log_cnt FROM numpool.$sequence") != "0") query("SELECT nextval('numpool.$sequence')")
}
