package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldContainExactly
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

class SubscriptionTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        suspend fun Notifier.channels() =
            onListenConnection(5.seconds) { it.rows("SELECT pg_listening_channels()") { row -> row.getString(1) } }

        /** No tick can wake the reader here: only being woken does. */
        fun open() =
            Notifier.open(database.dataSource) {
                pingInterval = 10.minutes
                echoInterval = 10.minutes
            }

        test("a notification carries channel, payload and the sender's process id") {
            open().use { notifier ->
                val seen = notifier.watch("orders")
                val before = Instant.now()
                val sender =
                    database.connect().use { connection ->
                        connection.rows("SELECT pg_notify('orders', '42')") {}
                        connection.rows("SELECT pg_backend_pid()") { it.getInt(1) }.single()
                    }
                val notification = seen.next() as Notification
                (notification.receivedAt in before..Instant.now()) shouldBe true
                notification.channel shouldBe "orders"
                notification.payload shouldBe "42"
                notification.senderPid shouldBe sender
            }
        }

        test("subscribes while the reader is blocked") {
            open().use { notifier ->
                notifier.awaitListening()
                repeat(20) { round ->
                    val seen = withTimeout(5.seconds) { notifier.watch("late_$round") }
                    notifier.publish("late_$round", "here")
                    seen.nextPayload() shouldBe "here"
                }
            }
        }

        test("once subscribe has returned nothing is missed") {
            open().use { notifier ->
                repeat(100) { round ->
                    val seen = notifier.watch("at_once_$round")
                    database.connect().use { it.rows("SELECT pg_notify('at_once_$round', '')") {} }
                    seen.nextPayload() shouldBe ""
                }
            }
        }

        test("listens from the first subscription of a channel to the last") {
            open().use { notifier ->
                val first = notifier.subscribe("shared") {}
                val second = notifier.subscribe("shared") {}
                first.close()
                first.close()
                await("LISTEN kept", { notifier.channels() }) { "shared" in it }
                second.close()
                await("UNLISTEN", { notifier.channels() }) { "shared" !in it }
            }
        }

        test("a closed subscription is called no more") {
            open().use { notifier ->
                val seen = Seen()
                val closed = notifier.subscribe("fickle") { seen.put(it) }
                val open = notifier.watch("fickle")
                closed.close()
                notifier.publish("fickle", "x")
                open.nextPayload() shouldBe "x"
                seen.nothingElse() shouldBe true
            }
        }

        for (name in listOf(
            "Mixed Case",
            "quo\"te",
            "semi;colon",
            "a'b",
            "x\"; DROP TABLE t; --",
            "{fn now()}",
            "what?",
            "ünï",
            "$1",
            "\\",
            "n".repeat(63),
        )) {
            test("channel name: $name") {
                open().use { notifier ->
                    val seen = notifier.watch(name)
                    notifier.publish(name, "ok")
                    seen.nextPayload() shouldBe "ok"
                    notifier.channels().filter { !it.startsWith("numpool_notify_") } shouldContainExactly listOf(name)
                }
            }
        }

        for (name in listOf("", "n".repeat(64), "ü".repeat(32), "nul\u0000", "half \uD83D")) {
            test("refuses a channel name of ${name.toByteArray().size} bytes: ${name.filter { it in ' '..'z' }}") {
                open().use { notifier ->
                    shouldThrow<IllegalArgumentException> { notifier.subscribe(name) {} }.message shouldContain "channel name"
                    shouldThrow<IllegalArgumentException> { notifier.register(name) {} }
                    shouldThrow<IllegalArgumentException> { notifier.events(name) }
                    shouldThrow<IllegalArgumentException> { notifier.publish(name) }
                }
            }
        }

        test("delivers in order, one call at a time") {
            open().use { notifier ->
                val payloads = Channel<String>(Channel.UNLIMITED)
                var inside = 0
                notifier.subscribe("ordered") {
                    check(++inside == 1)
                    payloads.send(it.payload)
                    inside--
                }
                database.connect().use { connection ->
                    repeat(1_000) { connection.rows("SELECT pg_notify('ordered', '$it')") {} }
                }
                List(1_000) { withTimeout(PATIENCE) { payloads.receive() } } shouldBe List(1_000) { "$it" }
            }
        }

        test("one that hangs doesn't hold up another") {
            open().use { notifier ->
                val never = Channel<Unit>()
                notifier.subscribe("both") { never.receive() }
                val seen = notifier.watch("both")
                repeat(50) { notifier.publish("both", "$it") }
                List(50) { seen.nextPayload() } shouldBe List(50) { "$it" }
                never.close()
            }
        }

        test("a handler that throws is reported, and called again") {
            val errors = Channel<Pair<Throwable, String?>>(Channel.UNLIMITED)
            val observer =
                object : NotifierObserver {
                    override fun onError(
                        error: Throwable,
                        channel: String?,
                    ) {
                        errors.trySend(error to channel)
                    }
                }
            Notifier.open(database.dataSource) { this.observer = observer }.use { notifier ->
                val seen = Seen()
                notifier.subscribe("fragile") {
                    if (it.payload == "bad") error("dropped it")
                    seen.put(it)
                }
                notifier.publish("fragile", "bad")
                notifier.publish("fragile", "good")
                seen.nextPayload() shouldBe "good"
                val (error, channel) = withTimeout(PATIENCE) { errors.receive() }
                error.message shouldBe "dropped it"
                channel shouldBe "fragile"
            }
        }

        test("an Error of a handler is its own, too: it is reported, and nobody goes without") {
            val errors = Channel<Throwable>(Channel.UNLIMITED)
            val observer =
                object : NotifierObserver {
                    override fun onError(
                        error: Throwable,
                        channel: String?,
                    ) {
                        errors.trySend(error)
                        throw AssertionError("the observer, too")
                    }
                }
            Notifier
                .open(database.dataSource) {
                    this.observer = observer
                    bufferSize = 1
                }.use { notifier ->
                    val seen = notifier.watch("tough")
                    notifier.subscribe("tough") { TODO(it.payload) }
                    repeat(5) { notifier.publish("tough", "$it") }
                    List(5) { seen.nextPayload() } shouldBe List(5) { "$it" }
                    List(5) { withTimeout(PATIENCE) { errors.receive() }.javaClass } shouldBe List(5) { NotImplementedError::class.java }
                }
        }

        test("a handler that takes too long is cancelled, and called again") {
            Notifier.open(database.dataSource) { handlerTimeout = 0.2.seconds }.use { notifier ->
                val seen = Seen()
                val never = Channel<Unit>()
                notifier.subscribe("slow") {
                    if (it.payload == "hang") never.receive()
                    seen.put(it)
                }
                notifier.publish("slow", "hang")
                notifier.publish("slow", "go")
                seen.nextPayload() shouldBe "go"
            }
        }

        test("without a timeout a handler takes as long as it likes") {
            Notifier.open(database.dataSource) { handlerTimeout = Duration.ZERO }.use { notifier ->
                val done = Channel<String>(Channel.UNLIMITED)
                notifier.subscribe("slow") {
                    delay(50.milliseconds)
                    done.send(it.payload)
                }
                notifier.publish("slow", "done")
                withTimeout(PATIENCE) { done.receive() } shouldBe "done"
                notifier.statistics.errors shouldBe 0
            }
        }

        test("events can start with a gap, after which nothing is missed") {
            open().use { notifier ->
                coroutineScope {
                    val ready = Channel<Unit>(1)
                    val events =
                        async {
                            val all = ArrayList<NotifierEvent>()
                            notifier.events("loaded", startWithGap = true).take(2).collect {
                                all += it
                                ready.trySend(Unit)
                            }
                            all
                        }
                    withTimeout(PATIENCE) { ready.receive() }
                    notifier.publish("loaded", "after")
                    val (gap, notification) = events.await()
                    (gap is Gap) shouldBe true
                    (notification as Notification).payload shouldBe "after"
                }
            }
        }

        test("events start with the gap also on a channel that is listened to already, and busy") {
            open().use { notifier ->
                notifier.watch("crowded")
                coroutineScope {
                    val traffic = launch { while (true) notifier.publish("crowded", "x") }
                    repeat(50) { (withTimeout(PATIENCE) { notifier.events("crowded", startWithGap = true).first() } is Gap) shouldBe true }
                    traffic.cancel()
                }
            }
        }

        test("waiting for LISTEN of a subscription that is closed before ends") {
            database.proxy().use { proxy ->
                proxy.refuse()
                Notifier.open(database.url(proxy)).use { notifier ->
                    coroutineScope {
                        val subscription = notifier.register("never") {}
                        val waiting = async(start = CoroutineStart.UNDISPATCHED) { runCatching { subscription.awaitListening() } }
                        subscription.close()
                        withTimeout(PATIENCE) { waiting.await() }.exceptionOrNull()!!.message shouldBe "subscription to never is closed"
                    }
                }
            }
        }

        test("a channel that the database can't name is refused, and nobody else notices") {
            Latin().use { latin ->
                Notifier.open(latin.url).use { notifier ->
                    val seen = notifier.watch("ascii")
                    notifier.awaitListening()
                    val error = shouldThrow<ListenUnavailableException> { withTimeout(PATIENCE) { notifier.subscribe("日本") {} } }
                    error.message shouldContain "can't listen to 日本"
                    shouldThrow<ListenUnavailableException> { withTimeout(PATIENCE) { notifier.events("語").toList() } }
                    val other = notifier.watch("latin é")
                    notifier.publish("ascii", "1")
                    notifier.publish("latin é", "2")
                    seen.nextPayload() shouldBe "1"
                    other.nextPayload() shouldBe "2"
                    notifier.statistics.reconnects shouldBe 0
                }
            }
        }

        test("each collector of events is a subscription of its own") {
            open().use { notifier ->
                coroutineScope {
                    val collectors = List(3) { async { notifier.events("many", startWithGap = true).take(3).toList() } }
                    val spare = notifier.watch("many")
                    // The gaps come with LISTEN; publishing before could reach fewer.
                    await("three collectors", { notifier.events("many", startWithGap = true).take(1).toList() }) { it.size == 1 }
                    notifier.publish("many", "1")
                    notifier.publish("many", "2")
                    collectors.awaitAll().forEach { events ->
                        events.filterIsInstance<Notification>().map { it.payload } shouldBe
                            listOf("1", "2")
                    }
                    spare.nextPayload() shouldBe "1"
                }
            }
        }

        test("a stable channel loses nothing while others come and go") {
            open().use { notifier ->
                val seen = notifier.watch("stable")
                coroutineScope {
                    val sending = async { repeat(1_000) { notifier.publish("stable", "$it") } }
                    repeat(1_000) { notifier.subscribe("passing_${it % 7}") {}.close() }
                    sending.await()
                }
                List(1_000) { seen.nextPayload() } shouldBe List(1_000) { "$it" }
            }
        }

        test("without a connection to send the wake-up on, subscribing waits for the next ping") {
            val nothingFree =
                object : ConnectionProvider {
                    override val prompt = false
                    override val pooled = true

                    override fun open() = throw java.sql.SQLTransientConnectionException("none free")
                }
            val options = NotifierOptions.builder().pingInterval(java.time.Duration.ofMillis(200)).build()
            Notifier.open(ConnectionProvider.listening(database.dataSource), nothingFree, options).use { notifier ->
                withTimeout(5.seconds) { notifier.watch("patient") }
                val seen = withTimeout(5.seconds) { notifier.watch("patient too") }
                database.connect().use { it.rows("SELECT pg_notify('patient too', 'x')") {} }
                seen.nextPayload() shouldBe "x"
                (notifier.mode is NotifierMode.Connecting) shouldBe true
            }
        }
    })
