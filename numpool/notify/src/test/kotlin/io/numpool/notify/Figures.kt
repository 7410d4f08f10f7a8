package io.numpool.notify

import io.numpool.testkit.ServerSettings
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.runBlocking
import org.postgresql.PGConnection
import java.sql.Connection
import java.sql.DriverManager
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.minutes

private const val ROUNDS = 5
private const val WARM_UP = 1_000
private const val COUNTED = 2_000
private const val FLOOD = 200_000
private const val AT_ONCE = 100
private const val BAR = 5.0
private const val OURS_BAR = 1.5
private const val NO_DISK = "options=-c%20synchronous_commit=off"

/**
 * Measures NOTIFY with pgjdbc as it is, with [PromptSocketFactory], and through a [Notifier], in one run on a durable server, and exits 1 when
 * the factory doesn't make the round trip 5 times faster, or a [Notifier] takes more than 1.5 times as long as the factory's bare loop.
 *
 * - round trip: A notifies B, B (blocked in getNotifications) notifies A (blocked likewise)
 * - one way: a connection notifies, the next time when the one before has arrived; by turns on all channels
 * - flood: a connection sends 200,000 in transactions of 100; the time is that until the last has arrived
 *
 * The ways take turns, 5 times; each figure is the median of its 5.
 */
fun main() {
    val database = Database(TestPostgres.start(ServerSettings.durable().onDisk()).emptyDatabase())
    database.connect().use { connection ->
        for (setting in listOf("server_version", "fsync", "synchronous_commit")) {
            println("$setting: ${connection.rows("SHOW $setting") { it.getString(1) }.single()}")
        }
    }
    println(
        "synchronous_commit of those who notify: off; ${Runtime.getRuntime().availableProcessors()} processors, JDK ${Runtime.version()}",
    )
    val failures = Figures(database).print()
    failures.forEach { println("NOT REACHED: $it") }
    Runtime.getRuntime().exit(if (failures.isEmpty()) 0 else 1)
}

private class Figures(
    private val database: Database,
) {
    private val plain = "${database.url}&$NO_DISK"
    private val prompt = "$plain&socketFactory=${PromptSocketFactory::class.java.name}"
    private val ways = listOf<Way>(Bare("pgjdbc", plain), Bare("pgjdbc with the factory", prompt), Ours(database))

    fun print(): List<String> {
        val failures = ArrayList<String>()
        val slow = List(ROUNDS) { median(roundTrips(plain)) }.median()
        val fast = List(ROUNDS) { median(roundTrips(prompt)) }.median()
        println("round trip p50: pgjdbc %.3f ms, with the factory %.3f ms, ratio %.1f".format(slow, fast, slow / fast))
        if (slow / fast < BAR) failures += "round trip %.1f times faster with the factory, must be %.0f".format(slow / fast, BAR)
        for (channels in listOf(1, 10, 100)) {
            val names = List(channels) { "channel$it" }
            val latencies = ways.associateWith { ArrayList<LongArray>() }
            val rates = ways.associateWith { ArrayList<Double>() }
            repeat(ROUNDS) {
                ways.forEach { way -> latencies.getValue(way) += oneWay(way, names) }
                ways.forEach { way -> rates.getValue(way) += flood(way, names) }
            }
            for (way in ways) {
                val p50 = latencies.getValue(way).map { it.at(50) }.median()
                val p99 = latencies.getValue(way).map { it.at(99) }.median()
                val rate = rates.getValue(way).median()
                println(
                    "%3d channels, %-24s p50 %6.3f ms   p99 %6.3f ms   %,9.0f notifications/s".format(channels, "$way:", p50, p99, rate),
                )
            }
            val ratio = latencies.getValue(ways[2]).map { it.at(50) }.median() / latencies.getValue(ways[1]).map { it.at(50) }.median()
            println("%3d channels, ours by the factory's bare loop: %.2f".format(channels, ratio))
            if (ratio >
                OURS_BAR
            ) {
                failures += "%d channels: ours takes %.2f times as long, must be at most %.1f".format(channels, ratio, OURS_BAR)
            }
        }
        return failures
    }

    private fun oneWay(
        way: Way,
        channels: List<String>,
    ): LongArray {
        val arrivals = SynchronousQueue<Long>()
        return way.listening(channels, onArrival = { arrivals.put(System.nanoTime()) }).use {
            DriverManager.getConnection(plain).use { sender ->
                var next = 0
                counted {
                    sender.send(channels[next++ % channels.size])
                    arrivals.take()
                }
            }
        }
    }

    private fun flood(
        way: Way,
        channels: List<String>,
    ): Double {
        val arrived = AtomicInteger()
        val all = SynchronousQueue<Long>()
        return way.listening(channels, onArrival = { if (arrived.incrementAndGet() == FLOOD) all.put(System.nanoTime()) }).use {
            DriverManager.getConnection(plain).use { sender ->
                val begun = System.nanoTime()
                sender
                    .prepareStatement("SELECT count(pg_notify('channel' || n % ?, n::text)) FROM generate_series(?, ?) AS n")
                    .use { statement ->
                        for (first in 0 until FLOOD step AT_ONCE) {
                            listOf(channels.size, first, first + AT_ONCE - 1).forEachIndexed { i, value -> statement.setInt(i + 1, value) }
                            statement.execute()
                        }
                    }
                FLOOD / ((all.take() - begun) / 1e9)
            }
        }
    }

    private fun roundTrips(url: String): LongArray =
        listening(url, listOf("a")).use { here ->
            listening(url, listOf("b")).use { there ->
                val echo =
                    thread {
                        repeat(WARM_UP + COUNTED) {
                            there.awaitNotifications()
                            there.send("a")
                        }
                    }
                counted {
                    here.send("b")
                    here.awaitNotifications()
                    System.nanoTime()
                }.also { echo.join() }
            }
        }

    /** [act] returns when it ended. */
    private inline fun counted(act: () -> Long): LongArray {
        repeat(WARM_UP) { act() }
        return LongArray(COUNTED) {
            val begun = System.nanoTime()
            act() - begun
        }.apply { sort() }
    }

    private fun median(sorted: LongArray) = sorted.at(50)

    private fun LongArray.at(percent: Int) = this[size * percent / 100] / 1e6

    private fun List<Double>.median() = sorted()[size / 2]
}

private interface Way {
    /** [onArrival] is called once a notification, by whichever thread. */
    fun listening(
        channels: List<String>,
        onArrival: () -> Unit,
    ): AutoCloseable
}

private class Bare(
    private val name: String,
    private val url: String,
) : Way {
    override fun listening(
        channels: List<String>,
        onArrival: () -> Unit,
    ): AutoCloseable {
        val connection = listening(url, channels)
        val reader =
            thread {
                while (true) {
                    val found =
                        try {
                            connection.awaitNotifications()
                        } catch (_: java.sql.SQLException) {
                            return@thread // closed below
                        }
                    repeat(found) { onArrival() }
                }
            }
        return AutoCloseable {
            connection.abort(Runnable::run)
            reader.join()
        }
    }

    override fun toString(): String = name
}

private class Ours(
    private val database: Database,
) : Way {
    override fun listening(
        channels: List<String>,
        onArrival: () -> Unit,
    ): AutoCloseable {
        val notifier = Notifier.open(database.dataSource) { pingInterval = 10.minutes }
        runBlocking {
            channels.forEach { channel -> notifier.subscribe(channel) { onArrival() } }
            notifier.awaitListening()
        }
        return notifier
    }

    override fun toString(): String = "Notifier to handler"
}

private fun listening(
    url: String,
    channels: List<String>,
): Connection =
    DriverManager.getConnection(url).also { connection ->
        connection.createStatement().use { statement -> channels.forEach { statement.execute("LISTEN $it") } }
    }

private fun Connection.awaitNotifications(): Int {
    val pg = unwrap(PGConnection::class.java)
    while (true) {
        val found = pg.getNotifications(10_000)
        if (!found.isNullOrEmpty()) return found.size
    }
}

private fun Connection.send(channel: String) {
    createStatement().use { it.execute("NOTIFY $channel") }
}
