package io.numpool.chaos

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.spec.tempdir
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.fault.PATIENCE
import io.numpool.fault.awaited
import io.numpool.fault.isFree
import io.numpool.fault.mayTake
import io.numpool.fault.open
import io.numpool.testkit.ChildJvm
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.nio.file.Path
import java.time.Duration
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.minutes
import kotlin.time.TimeSource

/** Four processes that want more slots than there are, without pause: as many acquires as `-Dnumpool.test.contended=1000000` says. */
class ContendedTest :
    FunSpec({
        mayTake(60.minutes)
        val acquires: Int? = Integer.getInteger("numpool.test.contended")
        val folder = tempdir().toPath()
        val database = TestPostgres.shared().newDatabase()
        afterSpec { database.close() }

        if (acquires != null) {
            test("$acquires acquires over 4 processes: none overtaken, none granted twice") {
                database.open("contended") { }.use { it.pool(POOL, SLOTS) }
                val files = List(PROCESSES) { folder.resolve("process-$it") }
                val processes =
                    files.map {
                        val share = "${acquires / PROCESSES}"
                        ChildJvm.start(
                            listOf("-Xmx256m", "-XX:TieredStopAtLevel=4"),
                            Contender::class.java,
                            database.urlWithPassword(),
                            "$it",
                            share,
                        )
                    }
                try {
                    processes.forEach { it.lines().next("ready", STARTING) { line -> line == "ready" } }
                    val started = TimeSource.Monotonic.markNow()
                    processes.forEach { it.send("go") }
                    processes.forEach { check(it.awaitExit(Duration.ofMinutes(50)) == 0) { it.output() } }
                    val took = started.elapsedNow()
                    val verdict =
                        HistoryChecker
                            .of(History.read(files))
                            .handOver()
                            .check()
                            .assertClean()
                    verdict.grants shouldBe acquires / PROCESSES * PROCESSES
                    val perSecond = verdict.grants * 1000L / took.inWholeMilliseconds
                    println(
                        "${verdict.grants} acquires by ${PROCESSES * WORKERS} callers of $SLOTS slots in $took, $perSecond/s, " +
                            "longest wait ${verdict.longestWait.toMillis()} ms",
                    )
                    awaited("every slot to be free") { database.isFree(POOL) }
                } finally {
                    processes.forEach { it.close() }
                }
            }
        }
    })

private const val POOL = "contended"
private const val PROCESSES = 4
private const val WORKERS = 64
private const val SLOTS = 32
private val STARTING = Duration.ofMinutes(2)

/** Takes its share of the acquires, by several callers. */
internal object Contender {
    @JvmStatic
    fun main(arguments: Array<String>): Unit =
        runBlocking(Dispatchers.Default) {
            val (url, file, share) = arguments
            val name = Path.of(file).fileName.toString()
            History.writingTo(Path.of(file), name).use { history ->
                Numpool
                    .open(url) {
                        this.name = name
                        migrate = false
                        openTimeout = PATIENCE
                    }.use { client ->
                        val pool = client.pool(POOL)
                        println("ready")
                        System.out.flush()
                        readln()
                        val left = AtomicInteger(share.toInt())
                        coroutineScope {
                            repeat(WORKERS) {
                                launch {
                                    while (true) {
                                        val turn = left.getAndDecrement()
                                        if (turn <= 0) break
                                        val request = "$name.$turn"
                                        history.asked(POOL, request)
                                        val slot = pool.acquire()
                                        history.granted(POOL, request, slot.index, slot.token)
                                        history.ended(POOL, slot.index, slot.token)
                                        slot.close()
                                    }
                                }
                            }
                        }
                    }
            }
        }
}
