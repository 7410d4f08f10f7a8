package io.numpool.measure

import io.numpool.Numpool
import io.numpool.NumpoolMode
import io.numpool.testkit.ChildJvm
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/**
 * Prints how long a slot takes to go on when its holder ends:
 *
 *     ReclaimKt [repetitions]
 *
 * by SIGKILL at the default settings, by SIGKILL with short ones, and by closing its client. Each holder is a process of its own; the next in
 * line waits in this one.
 */
public fun main(args: Array<String>) {
    val repetitions = args.getOrNull(0)?.toInt() ?: 50
    TestPostgres.shared().newDatabase().use { database ->
        histogram(
            "SIGKILL, grace 2 s, tick 1 s: p50 <= 3 s, max <= 4.5 s",
            reclaims(database, repetitions, 2.seconds, 1.seconds, ChildJvm::kill),
        )
        histogram(
            "SIGKILL, grace 500 ms, tick 250 ms: max <= 1.5 s",
            reclaims(database, repetitions, 500.milliseconds, 250.milliseconds, ChildJvm::kill),
        )
        histogram("closed: p50 <= 50 ms", reclaims(database, repetitions, 2.seconds, 1.seconds) { it.send("close") })
    }
}

private fun reclaims(
    database: TestDatabase,
    repetitions: Int,
    grace: Duration,
    tick: Duration,
    end: (ChildJvm) -> Unit,
): List<Duration> =
    runBlocking(Dispatchers.Default) {
        Numpool
            .open(database.dataSource()) {
                detachGrace = grace
                reaperTick = tick
            }.use { client ->
                val pool = client.pool("$grace $tick ${end.hashCode()}", 1)
                while (client.mode != NumpoolMode.LISTENING) delay(10)
                List(repetitions) {
                    val holder =
                        ChildJvm.start(
                            Holder::class.java,
                            database.urlWithPassword(),
                            pool.id,
                            "${grace.inWholeMilliseconds}",
                            "${tick.inWholeMilliseconds}",
                        )
                    holder.use {
                        it.expect("held")
                        coroutineScope {
                            val next = async { pool.acquire().let { slot -> slot to TimeSource.Monotonic.markNow() } }
                            while (pool.status().waiting() == 0) delay(5)
                            delay((0L..tick.inWholeMilliseconds).random()) // any moment between two ticks
                            val ended = TimeSource.Monotonic.markNow()
                            end(it)
                            val (slot, granted) = next.await()
                            slot.release()
                            granted - ended
                        }
                    }
                }
            }
    }

private fun histogram(
    what: String,
    times: List<Duration>,
) {
    val sorted = times.sorted()
    println("$what\n  n ${sorted.size}, min ${sorted.first()}, p50 ${sorted[sorted.size / 2]}, max ${sorted.last()}")
    val width = (sorted.last() / BARS).coerceAtLeast(1.milliseconds)
    sorted.groupingBy { (it / width).toInt() }.eachCount().toSortedMap().forEach { (bar, n) ->
        println("  %8s - %8s  %s".format(width * bar, width * (bar + 1), "#".repeat(n)))
    }
}

private const val BARS = 15

private object Holder {
    @JvmStatic
    fun main(arguments: Array<String>): Unit =
        runBlocking(Dispatchers.Default) {
            val (url, pool, grace, tick) = arguments
            Numpool
                .open(url) {
                    migrate = false
                    detachGrace = grace.toLong().milliseconds
                    reaperTick = tick.toLong().milliseconds
                }.use { client ->
                    while (client.mode != NumpoolMode.LISTENING) delay(10)
                    client.pool(pool).acquire()
                    println("held")
                    System.out.flush()
                    readln()
                }
        }
}
