package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.ints.shouldBeInRange
import io.kotest.matchers.shouldBe
import io.numpool.testkit.WireDirection
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.withTimeout
import org.postgresql.PGConnection
import java.net.InetAddress
import java.net.ServerSocket
import java.net.SocketTimeoutException
import java.sql.Connection
import java.time.Duration
import kotlin.system.measureNanoTime
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class PromptSocketFactoryTest :
    FunSpec({
        test("a peek of 1 ms is answered at once from what has arrived; any other read waits") {
            ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { server ->
                PromptSocketFactory().createSocket(InetAddress.getLoopbackAddress(), server.localPort).use { client ->
                    server.accept().use { peer ->
                        val input = client.getInputStream()
                        client.soTimeout = 1
                        val peeks =
                            List(50) {
                                measureNanoTime {
                                    runCatching { input.read() }.exceptionOrNull()!!::class shouldBe
                                        SocketTimeoutException::class
                                }
                            }.sorted()
                        peeks[25] shouldBeLessThan 900_000
                        client.soTimeout = 30
                        measureTime {
                            runCatching { input.read() }.exceptionOrNull()!!::class shouldBe SocketTimeoutException::class
                        } shouldBeGreaterThan
                            25.milliseconds
                        client.soTimeout = 1
                        peer.getOutputStream().write(byteArrayOf(7, 8))
                        client.soTimeout = 0
                        input.read() shouldBe 7
                        client.soTimeout = 1
                        input.read() shouldBe 8
                        peer.close()
                        client.soTimeout = 0
                        input.read() shouldBe -1
                    }
                }
            }
        }

        val kinds =
            listOf<Triple<String, () -> Database, String>>(
                Triple("plain", { Database() }, ""),
                Triple("TLS", { TlsServer.newDatabase() }, "&sslmode=require"),
            )
        for ((what, newDatabase, suffix) in kinds) {
            context(what) {
                val database = newDatabase()
                afterSpec { database.close() }

                fun open(
                    url: String = database.url,
                    configure: NotifierOptions.Builder.() -> Unit = {},
                ): Notifier {
                    val options = NotifierOptions.builder().apply(configure).build()
                    return Notifier.open(
                        ConnectionProvider.of(url + suffix),
                        ConnectionProvider.of(database.dataSource),
                        options,
                    )
                }

                test("is used, on the connection asked for") {
                    open { name = "used" }.use { notifier ->
                        notifier.prompt shouldBe true
                        notifier.awaitListening()
                        val encrypted =
                            notifier.onListenConnection(
                                PATIENCE,
                            ) { c ->
                                c.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") {
                                    it.getBoolean(1)
                                }
                            }
                        encrypted.single() shouldBe (what == "TLS")
                    }
                }

                test("bursts arrive whole") {
                    open().use { notifier ->
                        val seen = notifier.watch("burst")
                        repeat(20) { round ->
                            database.connect().use { c ->
                                c.rows("SELECT pg_notify('burst', '$round.' || i || repeat('x', 500)) FROM generate_series(1, 200) i") {}
                            }
                            List(200) { seen.nextPayload().substringBefore('x') } shouldBe List(200) { "$round.${it + 1}" }
                        }
                    }
                }

                test("bytes trickling in lose nothing") {
                    database.proxy().use { proxy ->
                        open(database.url(proxy)).use { notifier ->
                            val seen = notifier.watch("trickle")
                            notifier.awaitListening()
                            proxy.trickle(WireDirection.TO_CLIENT)
                            val sending =
                                async(Dispatchers.IO) {
                                    database.connect().use { c ->
                                        repeat(300) { c.rows("SELECT pg_notify('trickle', '$it')") {} }
                                    }
                                }
                            List(300) { seen.nextPayload() } shouldBe List(300) { "$it" }
                            sending.await()
                            repeat(5) {
                                notifier.onListenConnection(
                                    PATIENCE,
                                ) { c -> c.rows("SELECT repeat('y', 2000)") { it.getString(1).length } } shouldBe
                                    listOf(2_000)
                            }
                            seen.nothingElse() shouldBe true
                            notifier.mode.toString() shouldBe "LISTENING"
                        }
                    }
                }

                test("pings keep their interval") {
                    val pings = Channel<Long>(Channel.UNLIMITED)
                    val hook =
                        object : ListenHook {
                            override fun onPing(
                                sentNanos: Long,
                                answeredNanos: Long,
                            ) {
                                pings.trySend(sentNanos)
                            }
                        }
                    open {
                        pingInterval = 100.milliseconds
                        this.hook = hook
                    }.use {
                        val times = List(21) { withTimeout(PATIENCE) { pings.receive() } }
                        val between = times.zipWithNext { a, b -> ((b - a) / 1_000_000).toInt() }.sorted()
                        between[10] shouldBeInRange 95..190
                    }
                }

                test("a dead connection is noticed within interval and timeout") {
                    database.proxy().use { proxy ->
                        val lost = Channel<Throwable?>(Channel.UNLIMITED)
                        val hook =
                            object : ListenHook {
                                override fun onLost(error: Throwable?) {
                                    lost.trySend(error)
                                }
                            }
                        open(database.url(proxy)) {
                            pingInterval = 100.milliseconds
                            pingTimeout = 200.milliseconds
                            this.hook = hook
                        }.use { notifier ->
                            val seen = notifier.watch("x")
                            notifier.awaitListening()
                            proxy.swallow()
                            measureTime { withTimeout(PATIENCE) { lost.receive() } } shouldBeLessThan 10.seconds
                            proxy.resume()
                            seen.nextGap()
                        }
                    }
                }
            }
        }

        test("pgjdbc returns sooner: as soon as a notification is there") {
            val database = Database()
            database.use {
                val plain = it.connect().use { listener -> medianMicros(listener, it) }
                val prompt = ConnectionProvider.of(it.url).open().use { listener -> medianMicros(listener, it) }
                prompt shouldBeLessThan plain
            }
        }
    })

/** From NOTIFY committed to getNotifications returned. */
private fun medianMicros(
    listener: Connection,
    database: Database,
): Long {
    listener.createStatement().use { it.execute("LISTEN prompt") }
    val pg = listener.unwrap(PGConnection::class.java)
    database.connect().use { sender ->
        val times =
            List(200) {
                val begun = System.nanoTime()
                sender.rows("SELECT pg_notify('prompt', '')") {}
                while (pg.getNotifications(Duration.ofSeconds(5).toMillis().toInt()).isNullOrEmpty()) continue
                (System.nanoTime() - begun) / 1_000
            }
        return times.sorted()[100]
    }
}
