package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldContainExactly
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.comparables.shouldBeLessThanOrEqualTo
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.string.shouldStartWith
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.sql.Connection
import java.time.Duration
import java.time.Instant
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import javax.sql.DataSource
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class LivenessTest :
    FunSpec({
        val database = Database()
        val elsewhere = Database()
        afterSpec {
            database.close()
            elsewhere.close()
        }

        val direct = ConnectionProvider.of(database.dataSource)

        fun through(proxy: WireProxy) = ConnectionProvider.of(database.url(proxy))

        class Log : ListenHook {
            val calls = ConcurrentLinkedQueue<String>()
            val pings = Channel<Pair<Long, Long>>(Channel.UNLIMITED)
            val lost = Channel<Throwable?>(Channel.UNLIMITED)
            val threads = ConcurrentLinkedQueue<String>()

            override fun onOpen(connection: Connection) {
                val channels = connection.rows("SELECT pg_listening_channels()") { it.getString(1) }
                calls += "open $channels"
                threads += Thread.currentThread().name
            }

            override fun onPing(
                sentNanos: Long,
                answeredNanos: Long,
            ) {
                pings.trySend(sentNanos to answeredNanos)
                threads += Thread.currentThread().name
            }

            override fun onLost(error: Throwable?) {
                calls += if (error == null) "closed" else "lost"
                lost.trySend(error)
                threads += Thread.currentThread().name
            }
        }

        test("pings on the LISTEN connection at the interval asked for, idle or not") {
            val log = Log()
            val options: NotifierOptions.Builder.() -> Unit = {
                name = "pinged"
                pingInterval = 50.milliseconds
                hook = log
            }
            Notifier.open(database.dataSource, options).use { notifier ->
                notifier.awaitListening()
                val pings = List(20) { withTimeout(PATIENCE) { log.pings.receive() } }
                pings.forEach { (sent, answered) -> (answered > sent) shouldBe true }
                val between = pings.zipWithNext { (a), (b) -> (b - a) / 1e6 }.sorted()
                (between[between.size / 2] in 45.0..75.0) shouldBe true
                database
                    .query("SELECT query FROM pg_stat_activity WHERE pid = ${database.listeners("pinged").single()}") {
                        it.getString(1)
                    }.single() shouldContain
                    "pg_listening_channels"
            }
        }

        test("the hook sees a connection before LISTEN and after its loss, on the listener's thread") {
            val log = Log()
            Notifier
                .open(database.dataSource) {
                    name = "hooked"
                    hook = log
                }.use { notifier ->
                    val seen = notifier.watch("x")
                    notifier.awaitListening()
                    database.terminateListener("hooked") shouldBe 1
                    seen.nextGap()
                }
            log.calls shouldContainExactly listOf("open []", "lost", "open []", "closed")
            log.threads.forEach { it shouldStartWith "numpool-notify hooked listener" }
        }

        test("a connection that the hook refuses counts as a failed attempt") {
            val refuse = AtomicBoolean(true)
            val refused = Channel<Unit>(Channel.UNLIMITED)
            val hook =
                object : ListenHook {
                    override fun onOpen(connection: Connection) {
                        if (!refuse.get()) return
                        refused.trySend(Unit)
                        error("not yet")
                    }
                }
            Notifier
                .open(database.dataSource) {
                    name = "refused"
                    reconnectInterval = 1.milliseconds
                    this.hook = hook
                }.use { notifier ->
                    repeat(3) { withTimeout(PATIENCE) { refused.receive() } }
                    (notifier.mode as NotifierMode.Connecting).reason shouldBe "not yet"
                    refuse.set(false)
                    notifier.awaitListening()
                    await("one connection only", { database.listeners("refused") }) { it.size == 1 }
                }
        }

        test("notices that another party made its connection stop listening") {
            Notifier
                .open(database.dataSource) {
                    pingInterval = 50.milliseconds
                    echoInterval = 10.minutes
                }.use { notifier ->
                    val seen = notifier.watch("taken")
                    notifier.awaitListening()
                    // asked for on the connection itself: a ping may be answered between the call and its turn
                    val taken =
                        notifier.onListenConnection(5.seconds) { connection ->
                            Instant.now().also { connection.createStatement().use { it.execute("UNLISTEN taken") } }
                        }
                    val gap = seen.nextGap()
                    gap.reason shouldContain "doesn't listen to taken"
                    gap.lostAt shouldBeLessThanOrEqualTo taken
                    notifier.publish("taken", "back")
                    seen.nextPayload() shouldBe "back"
                }
        }

        test("notices that notifications stopped arriving, though pings are answered") {
            val sender = Switchable(ConnectionProvider.of(database.dataSource))
            val options =
                NotifierOptions
                    .builder()
                    .echoInterval(Duration.ofMillis(50))
                    .echoTimeout(Duration.ofMillis(300))
                    .pingInterval(Duration.ofMillis(50))
                    .build()
            Notifier.open(ConnectionProvider.listening(database.dataSource), sender, options).use { notifier ->
                val seen = notifier.watch("x")
                notifier.awaitListening()
                sender.current = ConnectionProvider.of(elsewhere.dataSource)
                val switched = Instant.now()
                val gap = seen.nextGap()
                gap.reason shouldContain "didn't arrive within 300 ms"
                gap.lostAt shouldBeLessThanOrEqualTo switched
                notifier.awaitMode<NotifierMode.Unavailable>()
                sender.current = ConnectionProvider.of(database.dataSource)
                notifier.awaitListening()
            }
        }

        test("is UNAVAILABLE, with the reason, where its echo never arrives") {
            val options = NotifierOptions.builder().name("deaf").build()
            val here = ConnectionProvider.listening(database.dataSource)
            Notifier.open(here, ConnectionProvider.of(elsewhere.dataSource), options).use { notifier ->
                measureTime { notifier.awaitMode<NotifierMode.Unavailable>() } shouldBeLessThan 5.seconds
                (notifier.mode as NotifierMode.Unavailable).reason shouldContain "sent on another connection didn't arrive within 2000 ms"
                shouldThrow<ListenUnavailableException> { notifier.subscribe("x") {} }.message shouldContain "can't listen to x"
                await("no connection kept", { database.listeners("deaf") }) { it.isEmpty() }
            }
        }

        test("an unanswered ping aborts the connection, and the next one serves") {
            database.proxy().use { proxy ->
                val log = Log()
                val options =
                    NotifierOptions
                        .builder()
                        .pingInterval(Duration.ofMillis(50))
                        .pingTimeout(Duration.ofMillis(200))
                        .connectTimeout(Duration.ofSeconds(1))
                        .reconnectInterval(Duration.ofMillis(10))
                        .hook(log)
                        .build()
                Notifier.open(through(proxy), direct, options).use { notifier ->
                    val seen = notifier.watch("x")
                    notifier.awaitListening()
                    proxy.swallow()
                    val noticed =
                        measureTime {
                            withTimeout(PATIENCE) { log.lost.receive() }?.message shouldContain
                                "no answer within 200 ms"
                        }
                    noticed shouldBeLessThan 10.seconds
                    proxy.resume()
                    seen.nextGap()
                    notifier.publish("x", "again")
                    seen.nextPayload() shouldBe "again"
                }
            }
        }

        test("connecting to a network that swallows everything fails within connectTimeout") {
            database.proxy().use { proxy ->
                proxy.swallow()
                Notifier
                    .open(database.url(proxy)) {
                        connectTimeout = 200.milliseconds
                        reconnectInterval = 10.milliseconds
                    }.use { notifier ->
                        await("a failed attempt", { notifier.mode }) {
                            it is NotifierMode.Connecting &&
                                it.reason == "no connection within 200ms"
                        }
                        proxy.resume()
                        notifier.awaitListening()
                    }
            }
        }

        test("a DataSource that hangs for ever holds up one attempt, not all") {
            val hung = CountDownLatch(1)
            val first = AtomicBoolean(true)
            val simple = database.dataSource
            val hanging =
                object : DataSource by simple {
                    override fun getConnection(): Connection {
                        if (first.getAndSet(false)) hung.awaitWhoeverInterrupts()
                        return simple.connection
                    }
                }
            val options = NotifierOptions.builder().connectTimeout(Duration.ofMillis(200)).build()
            Notifier.open(ConnectionProvider.of(hanging), direct, options).use { it.awaitListening() }
            hung.countDown()
        }

        test("threads of Dispatchers.IO that are all taken keep it from nothing") {
            Notifier.open(database.url) { name = "crowded out" }.use { notifier ->
                val seen = notifier.watch("x")
                notifier.awaitListening()
                val free = CountDownLatch(1)
                val taken = CountDownLatch(IO_THREADS)
                val others =
                    List(IO_THREADS) {
                        launch(Dispatchers.IO) {
                            taken.countDown()
                            free.await()
                        }
                    }
                try {
                    taken.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS) shouldBe true
                    database.terminateListener("crowded out") shouldBe 1
                    seen.nextGap()
                    withTimeout(PATIENCE) { notifier.publish("x", "through") }
                    seen.nextPayload() shouldBe "through"
                    notifier.awaitListening()
                } finally {
                    free.countDown()
                    others.joinAll()
                }
            }
        }

        test("a hook that throws at a ping is reported, and the connection kept") {
            val errors = Channel<Throwable>(Channel.UNLIMITED)
            Notifier
                .open(database.dataSource) {
                    pingInterval = 10.milliseconds
                    hook =
                        object : ListenHook {
                            override fun onPing(
                                sentNanos: Long,
                                answeredNanos: Long,
                            ): Unit = error("at a ping")
                        }
                    observer =
                        object : NotifierObserver {
                            override fun onError(
                                error: Throwable,
                                channel: String?,
                            ) {
                                errors.trySend(error)
                            }
                        }
                }.use { notifier ->
                    repeat(3) { withTimeout(PATIENCE) { errors.receive() }.message shouldBe "at a ping" }
                    notifier.awaitListening()
                    notifier.statistics.reconnects shouldBe 0
                }
        }

        test("a guest on a dead connection is aborted too") {
            database.proxy().use { proxy ->
                val options = NotifierOptions.builder().pingTimeout(Duration.ofMillis(200)).build()
                Notifier.open(through(proxy), direct, options).use { notifier ->
                    notifier.awaitListening()
                    shouldThrow<java.sql.SQLException> {
                        notifier.onListenConnection(300.milliseconds) { connection ->
                            proxy.swallow()
                            connection.rows("SELECT 1") {}
                        }
                    }
                    proxy.resume()
                }
            }
        }

        test("close while a connection is being opened or has failed leaves nothing") {
            repeat(20) {
                Notifier.open(database.dataSource) { name = "hasty" }.close()
            }
            await("no connection", { database.listeners("hasty") }) { it.isEmpty() }
            Thread
                .getAllStackTraces()
                .keys
                .filter { it.name.startsWith("numpool-notify hasty") }
                .shouldBeEmpty()
        }
    })

private class Switchable(
    @Volatile var current: ConnectionProvider,
) : ConnectionProvider {
    override val prompt: Boolean get() = current.prompt
    override val pooled: Boolean get() = true

    override fun open(): Connection = current.open()
}

/** What Dispatchers.IO has by default, on a machine of up to 64 processors. */
private const val IO_THREADS = 64

private fun CountDownLatch.awaitWhoeverInterrupts() {
    while (true) {
        try {
            return await()
        } catch (_: InterruptedException) {
            continue
        }
    }
}
