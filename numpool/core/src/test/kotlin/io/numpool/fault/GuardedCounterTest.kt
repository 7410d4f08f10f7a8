package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeMonotonicallyIncreasing
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.AcquireTimeoutException
import io.numpool.Numpool
import io.numpool.ResourcePool
import io.numpool.testkit.ChildJvm
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import java.sql.Connection
import java.sql.DriverManager
import java.sql.SQLException
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/**
 * A counter that is read, and written a while later, by processes that hold its slot and fence it, but do not ask whether they hold it still:
 * frozen in the middle, killed in the middle. Nothing but the fence keeps their writes apart.
 */
class GuardedCounterTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }

        test("6 processes under fence, frozen and killed: the counter is the number of accepted increments, in the order of tokens") {
            val seed = Random.nextLong()
            println("seed of the guarded counter: $seed")
            val random = Random(seed)
            database.execute(
                "CREATE TABLE counter AS SELECT 0 AS n; CREATE TABLE accepted (n integer, token bigint); CREATE TABLE refused (token bigint)",
            )
            database.open("reaper") { reaperTick = 100.milliseconds }.use { client ->
                client.pool(COUNTER, 1)

                fun start() = ChildJvm.start(Incrementer::class.java, database.urlWithPassword(), "${random.nextLong()}")

                fun number(sql: String) = database.query(sql).toInt()

                fun refused() = number("SELECT count(*) FROM refused")

                /** Of the process of that id, or of any. */
                fun isInTheMiddle(pid: Any = "%") =
                    number(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'guarded $pid' AND state = 'idle in transaction'",
                    ) > 0
                val processes = MutableList(6) { start() }
                try {
                    processes.forEach { it.expect("ready") }
                    var frozen = 0
                    var killed = 0
                    val started = TimeSource.Monotonic.markNow()
                    // until every kind of interference was seen, a late one was refused, and enough went on meanwhile
                    while (frozen < FAULTS || killed < FAULTS || refused() == 0 || number("SELECT count(*) FROM accepted") <= ENOUGH) {
                        check(started.elapsedNow() < 180.seconds) { "$frozen frozen, $killed killed, ${refused()} refused" }
                        delay(random.nextLong(50, 300))
                        // whoever holds the slot now: before its fence, behind it, or just after
                        val holder = number("SELECT coalesce(max(pid), 0) FROM numpool.holding WHERE pool = '$COUNTER'").toLong()
                        val victim = processes.indexOfFirst { it.pid() == holder }
                        if (victim < 0) continue
                        val enoughKilled = killed >= FAULTS && refused() == 0
                        if (!enoughKilled && random.nextBoolean()) {
                            processes[victim].close()
                            killed++
                            processes[victim] = start().also { it.expect("ready") }
                        } else {
                            val before = number("SELECT count(*) FROM accepted")
                            processes[victim].freeze()
                            frozen++
                            delay(TTL * 3 / 2)
                            awaited("somebody goes on after $before, or all wait for the fence of the frozen one") {
                                number("SELECT count(*) FROM accepted") > before || isInTheMiddle(holder)
                            }
                            processes[victim].thaw()
                            awaited("somebody increments after $before") { number("SELECT count(*) FROM accepted") > before }
                        }
                    }
                    println("$frozen frozen, $killed killed, ${refused()} refused, ${number("SELECT n FROM counter")} counted")
                } finally {
                    processes.forEach { it.close() }
                }
                awaited("nothing goes on") { !isInTheMiddle() && database.isFree(COUNTER) }
            }
            val accepted = database.rows("SELECT n, token FROM public.accepted ORDER BY n")
            accepted.size shouldBeGreaterThan ENOUGH
            database.query("SELECT n FROM counter").toInt() shouldBe accepted.size
            accepted.map { it.first } shouldBe List(accepted.size) { it + 1 }
            accepted.map { it.second }.shouldBeMonotonicallyIncreasing()
        }
    })

private const val COUNTER = "counter"
private const val ENOUGH = 50
private val FAULTS = 3 * REPETITIONS
private val TTL = 1_200.milliseconds

private fun io.numpool.testkit.TestDatabase.rows(sql: String): List<Pair<Int, Long>> =
    Sql(this).use { it.rows(sql) { row -> row.getInt(1) to row.getLong(2) } }

/** Increments the counter again and again, under its slot and the slot's token. */
internal object Incrementer {
    @JvmStatic
    fun main(arguments: Array<String>): Unit =
        runBlocking(Dispatchers.Default) {
            val (url, seed) = arguments
            val random = Random(seed.toLong())
            Numpool
                .open(url) {
                    name = "guarded"
                    migrate = false
                    sessionTtl = TTL
                    detachGrace = TTL / 3
                    reaperTick = 100.milliseconds
                    openTimeout = PATIENCE
                }.use { client ->
                    val pool = client.pool(COUNTER)
                    println("ready")
                    System.out.flush()
                    DriverManager.getConnection(url).use { work ->
                        work.autoCommit = false
                        work.setClientInfo("ApplicationName", "guarded ${ProcessHandle.current().pid()}")
                        while (true) turn(pool, work, random)
                    }
                }
        }

    private suspend fun turn(
        pool: ResourcePool,
        work: Connection,
        random: Random,
    ) {
        val resource =
            try {
                pool.acquire(timeout = 10.seconds)
            } catch (_: AcquireTimeoutException) {
                return
            }
        resource.use {
            // may be frozen here, with a slot, and go on when it is another's; now and then for so long that it will be
            delay(random.nextLong(40) + if (random.nextInt(4) == 0) 400 else 0)
            try {
                increment(work, it.token, random)
            } catch (e: SQLException) {
                work.rollback()
                if (e.sqlState != OUTDATED) throw e
                work.run("INSERT INTO refused VALUES (${it.token})")
                work.commit()
            }
        }
    }

    /** As somebody does it who does not know that the slot is lost. */
    private fun increment(
        work: Connection,
        token: Long,
        random: Random,
    ) {
        work.run("SELECT numpool.fence('$COUNTER', 0, $token)")
        val n =
            work.createStatement().use { statement ->
                statement.executeQuery("SELECT n FROM counter").use { rows ->
                    rows.next()
                    rows.getInt(1)
                }
            }
        Thread.sleep(random.nextLong(5)) // whoever comes between the read and the write is overwritten
        work.run("UPDATE counter SET n = ${n + 1}")
        work.run("INSERT INTO accepted VALUES (${n + 1}, $token)")
        work.commit()
    }

    private fun Connection.run(sql: String) = createStatement().use { it.execute(sql) }

    private const val OUTDATED = "NP008"
}
