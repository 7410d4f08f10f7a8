package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldHaveSize
import io.kotest.matchers.comparables.shouldBeGreaterThanOrEqualTo
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.comparables.shouldBeLessThanOrEqualTo
import io.kotest.matchers.nulls.shouldNotBeNull
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import java.time.Instant
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class ReconnectTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        test("after pg_terminate_backend: a gap within 1 s at default settings, and nothing after it is missed, 50 times") {
            Notifier.open(database.dataSource) { name = "victim" }.use { notifier ->
                val seen = notifier.watch("orders")
                val times =
                    List(50) { round ->
                        await("one to terminate", { database.terminateListener("victim") }) { it == 1 }
                        val back = measureTime { seen.nextGap().reason shouldContain "terminating connection" }
                        repeat(3) { notifier.publish("orders", "$round.$it") }
                        List(3) { seen.nextPayload() } shouldBe List(3) { "$round.$it" }
                        back
                    }
                println("back after pg_terminate_backend: ${times.min()} to ${times.max()}")
                times.sorted()[40] shouldBeLessThan 1.seconds // and the others when the machine has time
                seen.nothingElse() shouldBe true
            }
        }

        test("what is sent all along: everything after the gap arrives, and only the gap's part is missing") {
            Notifier.open(database.dataSource) { name = "counted" }.use { notifier ->
                val seen = notifier.watch("numbers")
                notifier.awaitListening()
                val enough = AtomicBoolean()
                val sending =
                    async(Dispatchers.IO) {
                        database.connect().use { c ->
                            generateSequence(
                                1,
                            ) { it + 1 }.takeWhile { !enough.get() }.forEach { c.rows("SELECT pg_notify('numbers', '$it')") {} }
                        }
                    }
                var before = 0
                var afterGap = false

                suspend fun next(): NotifierEvent {
                    val event = seen.next()
                    if (event is Notification) {
                        val number = event.payload.toInt()
                        (number == before + 1 || (afterGap && number > before)) shouldBe true
                        before = number
                    }
                    afterGap = event is Gap
                    return event
                }
                repeat(5) {
                    await("one to terminate", { database.terminateListener("counted") }) { it == 1 }
                    while (next() !is Gap) continue
                    repeat(200) { next() }
                }
                enough.set(true)
                sending.await()
            }
        }

        test("every subscription is told of the gap, also one whose channel others share") {
            Notifier.open(database.dataSource) { name = "several" }.use { notifier ->
                val all = listOf("a", "a", "b").map { notifier.watch(it) }
                notifier.awaitListening()
                val before = Instant.now()
                database.terminateListener("several") shouldBe 1
                val terminated = Instant.now()
                all.forEach { seen ->
                    val gap = seen.nextGap()
                    gap.lostAt shouldBeLessThanOrEqualTo terminated
                    gap.restoredAt shouldBeGreaterThanOrEqualTo before
                }
            }
        }

        test("subscriptions made before the server can be reached are listened to once it can") {
            database.proxy().use { proxy ->
                proxy.refuse()
                Notifier.open(database.url(proxy)) { reconnectInterval = 5.milliseconds }.use { notifier ->
                    val seen = Seen()
                    val subscription = notifier.register("early", seen::put, seen::put)
                    await("a failed attempt", { notifier.mode }) { it is NotifierMode.Connecting && it.reason != null }
                    proxy.resume()
                    withTimeout(PATIENCE) { subscription.awaitListening() }
                    notifier.publish("early", "bird")
                    seen.nextPayload() shouldBe "bird"
                }
            }
        }

        test("gives up after the last attempt: closed with the reason, and every flow fails with it") {
            val gaveUp = CompletableDeferred<Int>()
            val observer =
                object : NotifierObserver {
                    override fun onGaveUp(
                        attempts: Int,
                        error: Throwable,
                    ) {
                        gaveUp.complete(attempts)
                    }
                }
            database.proxy().use { proxy ->
                val notifier =
                    Notifier.open(database.url(proxy)) {
                        name = "finite"
                        reconnectInterval = 1.milliseconds
                        reconnectAttempts = 3
                        this.observer = observer
                    }
                val waiting = notifier.register("late") {}
                val flow = async { runCatching { notifier.events("x").toList() } }
                notifier.subscribe("x") {}
                notifier.awaitListening()
                proxy.refuse()
                proxy.cut()
                withTimeout(PATIENCE) { gaveUp.await() } shouldBe 3
                withTimeout(PATIENCE) { flow.await() }.exceptionOrNull()!!.message shouldContain "finite gave up"
                notifier.awaitMode<NotifierMode.Closed>()
                val refusal = shouldThrow<NotifierClosedException> { notifier.publish("x") }
                refusal.message shouldContain "gave up"
                refusal.cause.shouldNotBeNull()
                waiting.close()
                notifier.close()
            }
        }

        test("the first attempt is made at once, later ones after a random part of a growing interval") {
            val delays = Channel<Pair<Int, java.time.Duration>>(Channel.UNLIMITED)
            val observer =
                object : NotifierObserver {
                    override fun onReconnectAttempt(
                        attempt: Int,
                        delay: java.time.Duration,
                    ) {
                        delays.trySend(attempt to delay)
                    }
                }
            database.proxy().use { proxy ->
                Notifier
                    .open(database.url(proxy)) {
                        reconnectInterval = 4.milliseconds
                        reconnectMaxInterval = 10.milliseconds
                        this.observer = observer
                    }.use { notifier ->
                        notifier.awaitListening()
                        proxy.refuse()
                        proxy.cut()
                        val seen = List(20) { withTimeout(PATIENCE) { delays.receive() } }
                        seen.map { it.first } shouldBe List(20) { it + 1 }
                        seen[0].second shouldBe java.time.Duration.ZERO
                        listOf(4L, 8L, 10L, 10L).forEachIndexed { i, millis -> seen[i + 1].second.toMillis() shouldBeLessThan millis + 1 }
                        seen.drop(1).map { it.second }.toSet() shouldHaveSize 19
                        seen.drop(3).any { it.second > java.time.Duration.ofMillis(4) } shouldBe true // it grew
                        proxy.resume()
                        notifier.awaitListening()
                    }
            }
        }

        test("a guest that leaves its transaction open is rolled back") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("tidy")
                notifier.onListenConnection(5.seconds) { connection ->
                    connection.autoCommit = false
                    connection.rows("SELECT pg_notify('tidy', 'never sent')") {}
                }
                notifier.publish("tidy", "sent")
                seen.nextPayload() shouldBe "sent"
            }
        }

        test("so is one that it began by a statement, committed or not, failed or not") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("tidy")
                notifier.awaitListening()
                notifier.onListenConnection(5.seconds) { connection ->
                    connection.createStatement().use { it.execute("BEGIN; SELECT pg_notify('tidy', 'never sent')") }
                }
                shouldThrow<java.sql.SQLException> {
                    notifier.onListenConnection(
                        5.seconds,
                    ) { connection -> connection.createStatement().use { it.execute("BEGIN; SELECT 1/0") } }
                }
                shouldThrow<java.sql.SQLException> {
                    notifier.onListenConnection(5.seconds) { connection ->
                        connection.createStatement().use {
                            it.execute("BEGIN")
                            it.execute("SELECT 1/0")
                        }
                    }
                }
                notifier.publish("tidy", "sent")
                seen.nextPayload() shouldBe "sent"
                notifier.statistics.reconnects shouldBe 0
            }
        }

        test("what a guest throws is thrown to it, and nobody else notices") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("calm")
                shouldThrow<java.sql.SQLException> { notifier.onListenConnection(5.seconds) { it.rows("SELECT 1/0") {} } }
                shouldThrow<IllegalStateException> { notifier.onListenConnection(5.seconds) { error("mine") } }.message shouldBe "mine"
                notifier.publish("calm", "on")
                seen.nextPayload() shouldBe "on"
            }
        }

        test("a guest is told in time that there is no connection, and then never runs") {
            database.proxy().use { proxy ->
                proxy.refuse()
                Notifier.open(database.url(proxy)) { reconnectInterval = 1.milliseconds }.use { notifier ->
                    val ran = CompletableDeferred<Unit>()
                    shouldThrow<NoListenConnectionException> { notifier.onListenConnection(100.milliseconds) { ran.complete(Unit) } }
                    proxy.resume()
                    withContext(Dispatchers.IO) { notifier.onListenConnection(PATIENCE) {} }
                    ran.isCompleted shouldBe false
                }
            }
        }
    })
