package io.numpool.chaos

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.spec.tempdir
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.fault.Pace
import io.numpool.fault.awaited
import io.numpool.fault.isFree
import io.numpool.fault.mayTake
import io.numpool.fault.open
import io.numpool.testkit.Event
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import java.nio.file.Files
import java.nio.file.Path
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.Duration.Companion.seconds

/**
 * Processes that share pools while something goes wrong every second: no slot has two holders, nobody overtakes, nobody is stuck, nothing is
 * left. For `-Dnumpool.test.chaos=5m`, by default 15 s; the plan is made of `-Dnumpool.test.seed`.
 */
class ChaosTest :
    FunSpec({
        val time = Duration.parse(System.getProperty("numpool.test.chaos", "15s"))
        mayTake(time + 10.minutes)
        val folder = tempdir().toPath()

        test("$PROCESSES processes, ${SharedPool.entries.size} pools, a fault every second") {
            val seed = System.getProperty("numpool.test.seed")?.toLong() ?: Random.nextLong()
            println("chaos for $time, seed $seed")
            if (!Faketime.isHere) println("libfaketime is not installed: no clock is stepped")
            OwnPostgres.start(ServerSettings.durable()).use { server ->
                server.newDatabase().use { database -> ChaosRun(server, database, Random(seed), folder).run(time) }
            }
        }
    })

private class ChaosRun(
    private val server: OwnPostgres,
    private val database: TestDatabase,
    private val random: Random,
    private val folder: Path,
) {
    private val judge = History.inMemory("judge")
    private val processes = List(PROCESSES) { ChaosProcess(it, database, folder, judge, Random(random.nextLong())) }

    suspend fun run(time: Duration) {
        try {
            database.open("operator") { Pace.QUICK.set(this) }.use { operator ->
                gather(operator)
                val chaos = Chaos(server, database, processes, operator, random)
                val began = System.nanoTime()
                chaos.rage(time) { chaos.inspect() }
                val over = System.nanoTime()
                part()
                assertNothingLeft(operator)
                println("faults: ${chaos.counts}")
                judge(began, over)
            }
        } finally {
            processes.forEach { it.close() }
        }
    }

    private suspend fun gather(operator: Numpool) {
        SharedPool.entries.forEach { operator.pool(it.id, it.capacity) }
        processes.forEach { it.start() }
        processes.forEach { it.awaitReady() }
    }

    /** Each ends when all of its acquires have ended, of which most wait without a timeout. */
    private suspend fun part() =
        coroutineScope {
            processes.map { async { it.finish() } }.awaitAll()
            processes.flatMap { it.unexpected() }.shouldBeEmpty()
        }

    private suspend fun assertNothingLeft(operator: Numpool) {
        for (pool in SharedPool.entries) awaited("every slot of '${pool.id}' to be free") { database.isFree(pool.id) }
        awaited("dead sessions to be cleared away") { runBlocking { operator.sessions().size == 1 && operator.inspect().isEmpty() } }
    }

    private fun judge(
        began: Long,
        over: Long,
    ) {
        val files = Files.list(folder).use { all -> all.filter { "$it".endsWith(".history") }.toList() }
        val events = (History.read(files) + judge.events()).sortedBy { it.nanos }
        val verdict =
            HistoryChecker
                .of(events)
                .handOver()
                .check()
                .assertClean()
        for (pool in SharedPool.entries) {
            val grants = events.filter { it.kind == Event.Kind.GRANTED && it.pool == pool.id }.map { it.nanos }
            val longest = (listOf(began) + grants.filter { it in began..over } + over).zipWithNext { a, b -> b - a }.max().nanoseconds
            println("${pool.id}: ${grants.size} grants, at most $longest without one")
            (longest < PROGRESS) shouldBe true
        }
        val lost = events.count { it.kind == Event.Kind.LOST }
        println("${verdict.grants} grants, $lost of them lost, longest wait ${verdict.longestWait.toMillis()} ms")
        verdict.grants.toLong() shouldBeGreaterThan 0
    }
}

private const val PROCESSES = 6

/** Longer than the server and a client's deadline together may keep a pool from being used. */
private val PROGRESS = 20.seconds
