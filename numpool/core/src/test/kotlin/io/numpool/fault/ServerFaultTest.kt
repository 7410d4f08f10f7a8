package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.concurrency.TestExecutionMode
import io.kotest.matchers.shouldBe
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.StopMode
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.delay
import java.sql.SQLException
import kotlin.random.Random
import kotlin.random.nextLong
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** The server stops, crashes or freezes under load, and comes back. */
class ServerFaultTest :
    FunSpec({
        mayTake(20.minutes)
        testExecutionMode = TestExecutionMode.LimitedConcurrency(3) // they wait, each for servers of its own
        val pace = Pace.FAST.orDefault()
        val steady = Pace.STEADY.orDefault()

        suspend fun survived(
            random: Random,
            outage: Outage,
            down: Duration,
            pace: Pace,
        ) = TestPostgres.durable().use { server ->
            server.newDatabase().use { database ->
                Crowd.on(database, pace, random) {
                    delay(random.nextLong(0..300L).milliseconds)
                    val struck = TimeSource.Monotonic.markNow()
                    outage.strike(server)
                    val gone = struck.elapsedNow()
                    try {
                        delay(down)
                    } finally {
                        outage.end(server)
                    }
                    awaitPassing()
                    val away = struck.elapsedNow()
                    println("$outage for $down: served again after $away")
                    if (outage.keeps(away, pace) && outage.isClear(gone, pace)) {
                        assertKept(exceptUntold = outage.announced)
                    } else if (outage.loses(down, pace)) {
                        assertLost()
                    }
                }
            }
        }

        for (outage in Outage.entries) {
            for ((down, its) in outage.times(pace)) {
                val so =
                    when {
                        outage.keeps(down, its) -> "no block is cancelled"
                        outage.loses(down, its) -> "holders see their slots lost before anyone else gets them"
                        else -> "holders see their slots lost, if they are, before anyone else gets them"
                    }
                val how = "$outage for $down, with a TTL of ${its.ttl}"
                test("$how: nothing is lost, nothing granted twice, nobody stuck; $so") {
                    repeated(how, AT_A_TIME) { survived(it.random, outage, down, its) }
                }
            }
        }

        test(
            "kill -9 of one backend, and the server recovers: nothing is lost, nothing granted twice, nobody stuck; no block is cancelled",
        ) {
            repeated("a backend killed", AT_A_TIME) { round ->
                TestPostgres.durable().use { server ->
                    server.newDatabase().use { database ->
                        Crowd.on(database, steady, round.random) {
                            delay(round.random.nextLong(0..300L).milliseconds)
                            val struck = TimeSource.Monotonic.markNow()
                            server.killBackend(database.backends().random(round.random))
                            awaited("the server to recover") { database.isUp() }
                            awaitPassing()
                            // told nothing, the client whose listener it was has a grace, as with a partition
                            if (struck.elapsedNow() < (steady.grace - steady.margin) / 2) assertKept()
                        }
                    }
                }
            }
        }

        test("a release that a crash undid is given back again") {
            repeated("a release undone", AT_A_TIME) {
                TestPostgres.start(ServerSettings.durable().with("wal_writer_delay", "10s")).use { server ->
                    server.newDatabase().use { database -> undoneRelease(server, database) }
                }
            }
        }
    })

/** A release is not flushed at once. It is undone when the server stops before something else is, which it may take some attempts to see. */
private suspend fun undoneRelease(
    server: OwnPostgres,
    database: TestDatabase,
) {
    val connections = FaultyDataSource(database.dataSource())
    database.open("releases", connections) { detachGrace = 10.seconds }.use { client ->
        val session = client.session
        val pool = client.pool("undone", 1)
        while (!releasedAndUndone(pool, connections, server, database)) connections.mend()
        connections.mend()
        awaited("it is given back again") { database.isFree("undone") }
        client.session shouldBe session
        pool.acquire(timeout = PATIENCE).release() shouldBe ResourceState.RELEASED
    }
}

private suspend fun releasedAndUndone(
    pool: ResourcePool,
    connections: FaultyDataSource,
    server: OwnPostgres,
    database: TestDatabase,
): Boolean {
    val held = pool.acquire(timeout = PATIENCE)
    held.release() shouldBe ResourceState.RELEASED
    server.stop(StopMode.IMMEDIATE)
    connections.cut() // so that nothing is repaired before it is seen
    server.start()
    return database.query("SELECT token FROM numpool.holding WHERE pool = 'undone'") == "${held.token}"
}

private fun TestDatabase.backends(): List<Int> =
    Sql(this).use { sql ->
        sql.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") { it.getInt(1) }
    }

private fun TestDatabase.isUp(): Boolean =
    try {
        query("SELECT 1") == "1"
    } catch (e: SQLException) {
        false // it recovers
    }

/** In which way the server is away. */
internal enum class Outage(
    private val text: String,
    val announced: Boolean,
) {
    STOPPED("PostgreSQL stopped (fast)", announced = true) {
        override fun strike(server: OwnPostgres) = server.stop(StopMode.FAST)
    },
    STOPPED_AT_ONCE("PostgreSQL stopped (immediate)", announced = true) {
        override fun strike(server: OwnPostgres) = server.stop(StopMode.IMMEDIATE)
    },
    POSTMASTER_KILLED("the postmaster killed", announced = true) {
        override fun strike(server: OwnPostgres) = server.killPostmaster()
    },
    FROZEN("PostgreSQL frozen", announced = false) {
        override fun strike(server: OwnPostgres) = server.freeze()

        override fun end(server: OwnPostgres) = server.thaw()

        override fun times(pace: Pace) = listOf(pace.grace / 3 to pace, 10.seconds to pace)
    }, ;

    abstract fun strike(server: OwnPostgres)

    open fun end(server: OwnPostgres) = server.start()

    /** For how long, and how fast clients live then: within their TTL, and beyond. */
    open fun times(pace: Pace): List<Pair<Duration, Pace>> =
        listOf(1.seconds to pace, 10.seconds to Pace.STEADY.orDefault(), maxOf(10.seconds, pace.ttl + 2.seconds) to pace)

    /** From the last sign of life on, the one before the outage. */
    private fun deadline(pace: Pace) = if (announced) pace.ttl - pace.margin else pace.grace - pace.margin

    private fun interval(pace: Pace) = if (announced) pace.ttl / 3 else pace.grace / 3

    /** Whether every session must live on that was served again after so long. */
    fun keeps(
        away: Duration,
        pace: Pace,
    ) = away + interval(pace) < deadline(pace)

    /**
     * Whether a server that took so long to be gone showed it in time to all. As long as it may be a partition the grace counts, from a ping
     * that may be a third of it old; and the next attempt to connect may come as long after the last as that came after the first.
     */
    fun isClear(
        gone: Duration,
        pace: Pace,
    ) = !announced || gone < (pace.grace - pace.margin - pace.grace / 3) / 3

    /** Whether no session may live on. */
    fun loses(
        down: Duration,
        pace: Pace,
    ) = down > deadline(pace)

    override fun toString() = text
}
