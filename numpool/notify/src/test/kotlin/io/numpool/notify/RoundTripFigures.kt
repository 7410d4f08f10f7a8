package io.numpool.notify

import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.runBlocking
import org.postgresql.PGConnection
import java.sql.Connection
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.minutes

private const val WARM_UP = 2_000
private const val COUNTED = 5_000
private const val BAR = 5.0
private const val SETTINGS = "synchronous_commit=off"

/**
 * Measures NOTIFY with pgjdbc as it is, with [PromptSocketFactory], and through a [Notifier], in one run, and exits 1
 * when the factory doesn't make the round trip 5 times faster.
 *
 * A round trip is there and back: A notifies B, B (blocked in getNotifications) notifies A (blocked likewise).
 */
fun main() {
    val figures = RoundTripFigures(Database(TestPostgres.durable().emptyDatabase()))
    val ratio = figures.print()
    println("ratio of the round trips' p50: %.1f (bar: %.0f)".format(ratio, BAR))
    if (ratio < BAR) throw AssertionError("the factory makes the round trip $ratio times faster, must be $BAR")
    Runtime.getRuntime().exit(0)
}

class RoundTripFigures(
    private val database: Database,
) {
    private val plain = database.url + "&options=-c%20$SETTINGS"
    private val prompt = plain + "&socketFactory=" + PromptSocketFactory::class.java.name

    fun print(): Double {
        database.connect().use { c ->
            for (setting in listOf(
                "server_version",
                "fsync",
                "synchronous_commit",
            )) {
                println("$setting: ${c.rows("SHOW $setting") { it.getString(1) }.single()}")
            }
        }
        println("synchronous_commit of those who notify: off")
        val slow = line("round trip, pgjdbc", roundTrips(plain))
        val fast = line("round trip, pgjdbc with the factory", roundTrips(prompt))
        line("one way, pgjdbc", oneWay(plain))
        line("one way, pgjdbc with the factory", oneWay(prompt))
        line("one way, Notifier to handler", notifier())
        return slow / fast
    }

    private fun line(
        what: String,
        nanos: LongArray,
    ): Double {
        nanos.sort()
        val p50 = nanos[nanos.size / 2] / 1e6
        println("%-36s p50 %.3f ms   p99 %.3f ms".format(what, p50, nanos[nanos.size * 99 / 100] / 1e6))
        return p50
    }

    private fun roundTrips(url: String): LongArray =
        listening(url, "a").use { here ->
            listening(url, "b").use { there ->
                val echo =
                    thread {
                        repeat(WARM_UP + COUNTED) {
                            there.awaitNotification()
                            there.send("a")
                        }
                    }
                counted {
                    here.send("b")
                    here.awaitNotification()
                    System.nanoTime()
                }.also { echo.join() }
            }
        }

    private fun oneWay(url: String): LongArray =
        listening(url, "a").use { listener ->
            listening(url, "nobody").use { sender ->
                val arrivals = java.util.concurrent.SynchronousQueue<Long>()
                val reader =
                    thread {
                        repeat(WARM_UP + COUNTED) {
                            listener.awaitNotification()
                            arrivals.put(System.nanoTime())
                        }
                    }
                counted {
                    sender.send("a")
                    arrivals.take()
                }.also { reader.join() }
            }
        }

    private fun notifier(): LongArray =
        Notifier.open(database.dataSource) { pingInterval = 10.minutes }.use { notifier ->
            listening(plain, "nobody").use { sender ->
                runBlocking {
                    val arrivals = Channel<Long>(Channel.UNLIMITED)
                    notifier.subscribe("a") { arrivals.send(System.nanoTime()) }
                    counted {
                        sender.send("a")
                        runBlocking { arrivals.receive() }
                    }
                }
            }
        }

    /** [act] returns when it ended. */
    private inline fun counted(act: () -> Long): LongArray {
        repeat(WARM_UP) { act() }
        return LongArray(COUNTED) {
            val begun = System.nanoTime()
            act() - begun
        }
    }

    private fun listening(
        url: String,
        channel: String,
    ): Connection =
        java.sql.DriverManager.getConnection(url).also { connection ->
            connection.createStatement().use { it.execute("LISTEN $channel") }
        }

    private fun Connection.awaitNotification() {
        val pg = unwrap(PGConnection::class.java)
        while (pg.getNotifications(10_000).isNullOrEmpty()) continue
    }

    private fun Connection.send(channel: String) {
        createStatement().use { it.execute("NOTIFY $channel") }
    }
}
