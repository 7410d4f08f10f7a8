package io.numpool.measure

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.numpool.Numpool
import io.numpool.ResourcePool
import io.numpool.internal.Client
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.atomic.AtomicLong
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/**
 * Prints what a pool does on the machine at hand:
 *
 *     Measure [jdbc URL] [seconds per round]
 *
 * Counts only with fsync and synchronous_commit on, every ticket given out by the database, and no poll that found work.
 */
public fun main(args: Array<String>) {
    val seconds = (args.getOrNull(1) ?: "8").toInt().seconds
    val url = args[0]
    measured(url, seconds)
}

private fun measured(
    url: String,
    round: Duration,
) {
    val config = HikariConfig()
    config.jdbcUrl = url
    config.maximumPoolSize = 4
    HikariDataSource(config).use { dataSource ->
        println(listOf("fsync", "synchronous_commit", "server_version").joinToString(" ") { "$it=${dataSource.show(it)}" })
        runBlocking {
            for ((workers, slots) in listOf(1 to 1, 256 to 64)) {
                Numpool.open(dataSource) { name = "measure" }.use { client ->
                    rounds(client as Client, dataSource, workers, slots, WARM_UP)
                    println(rounds(client, dataSource, workers, slots, round))
                }
            }
            Numpool.open(dataSource) { name = "waiters" }.use { client -> println(waiters(client, dataSource)) }
        }
    }
}

private suspend fun rounds(
    client: Client,
    dataSource: HikariDataSource,
    workers: Int,
    slots: Int,
    time: Duration,
): String {
    val pool = client.pool("measure-$workers-$slots", slots)
    val before = Numbers.of(client)
    val latencies = ConcurrentLinkedQueue<LongArray>()
    val pairs = AtomicLong()
    val started = TimeSource.Monotonic.markNow()
    var connections = 0
    coroutineScope {
        repeat(workers) { launch(Dispatchers.Default) { latencies += work(pool, started, time, pairs) } }
        delay(time / 2)
        connections = dataSource.connections()
    }
    val elapsed = started.elapsedNow()
    val sorted = latencies.flatMap { it.asList() }.sorted()
    val n = pairs.get()
    val d = Numbers.of(client) - before
    return listOf(
        "$workers workers, $slots slots: ${n * 1000 / elapsed.inWholeMilliseconds} pairs/s",
        "acquire p50 ${sorted[sorted.size / 2] / 1000} us, p99 ${sorted[sorted.size * 99 / 100] / 1000} us",
        "calls/pair %.3f, mean batch %.1f, NOTIFYs/grant %.3f".format(
            d.calls.toDouble() / n,
            d.items.toDouble() / d.calls,
            d.notifies.toDouble() / n,
        ),
        "polls that found work ${d.pollsThatFoundWork}, connections $connections",
    ).joinToString(", ")
}

private suspend fun work(
    pool: ResourcePool,
    started: TimeSource.Monotonic.ValueTimeMark,
    time: Duration,
    pairs: AtomicLong,
): LongArray {
    val latencies = ArrayList<Long>()
    while (started.elapsedNow() < time) {
        val asked = System.nanoTime()
        pool.acquire().use { latencies += System.nanoTime() - asked }
        pairs.incrementAndGet()
    }
    return latencies.toLongArray()
}

/** 10,000 coroutines that wait for one slot: how much memory, how many threads. */
private suspend fun waiters(
    client: Numpool,
    dataSource: HikariDataSource,
): String {
    val pool = client.pool("waiters", 1)
    val holder = pool.acquire()
    val threads = Thread.getAllStackTraces().size
    val before = usedMemory()
    val text: String
    coroutineScope {
        val jobs = List(WAITERS) { launch(Dispatchers.Default) { pool.withResource { } } }
        while (pool.status().waiting() < WAITERS) delay(20)
        val bytes = (usedMemory() - before) / WAITERS
        val more = Thread.getAllStackTraces().size - threads
        text = "$WAITERS waiting: $bytes bytes each, $more threads more, connections ${dataSource.connections()}"
        val started = TimeSource.Monotonic.markNow()
        holder.close()
        jobs.joinAll()
        println("$WAITERS passed through one slot in ${started.elapsedNow()}")
    }
    return text
}

private fun usedMemory(): Long {
    repeat(3) { System.gc() }
    return Runtime.getRuntime().run { totalMemory() - freeMemory() }
}

private const val WAITERS = 10_000

/** The compilers of the JVM take a core away from the server for as long as this. */
private val WARM_UP = 12.seconds

private class Numbers(
    val calls: Long,
    val items: Long,
    val notifies: Long,
    val pollsThatFoundWork: Long,
) {
    operator fun minus(o: Numbers): Numbers {
        val found = pollsThatFoundWork - o.pollsThatFoundWork
        return Numbers(calls - o.calls, items - o.items, notifies - o.notifies, found)
    }

    companion object {
        fun of(client: Client) = client.counters.run { Numbers(calls.sum(), items.sum(), notifies.sum(), pollsThatFoundWork.sum()) }
    }
}

private fun HikariDataSource.show(setting: String): String = query("SHOW $setting")

private fun HikariDataSource.connections(): Int =
    query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'").toInt()

private fun HikariDataSource.query(sql: String): String =
    connection.use { connection ->
        val rows = connection.createStatement().executeQuery(sql)
        rows.next()
        rows.getString(1)
    }
