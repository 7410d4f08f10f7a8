package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.future.await
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class CloseTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        fun threads(notifier: String) =
            Thread
                .getAllStackTraces()
                .keys
                .map { it.name }
                .filter { it.startsWith("numpool-notify $notifier") }

        test("close under traffic leaves no thread and no connection") {
            coroutineScope {
                val notifier = Notifier.open(database.url) { name = "gone" }
                val seen = notifier.watch("busy")
                val traffic = launch { runCatching { while (true) notifier.publish("busy", "x") } }
                repeat(10) { seen.nextPayload() }
                measureTime { notifier.close() } shouldBeLessThan 8.seconds // it never waited for closeTimeout
                await("no thread", { threads("gone") }) { it.isEmpty() }
                traffic.join()
                await("no connection", { database.sessions() }) { it == 0 }
            }
        }

        test("close twice is fine, also at the same time") {
            coroutineScope {
                val notifier = Notifier.open(database.dataSource)
                List(4) { async { notifier.shutdown() } }.forEach { it.await() }
                notifier.close()
                notifier.mode.toString() shouldBe "CLOSED"
            }
        }

        test("using a closed notifier is an error that says so") {
            val notifier = Notifier.open(database.dataSource) { name = "shut" }
            notifier.close()
            for (use in listOf<suspend () -> Unit>(
                { notifier.publish("x") },
                { notifier.subscribe("x") {} },
                { notifier.register("x") {} },
                { notifier.events("x").toList() },
                { notifier.onListenConnection(1.seconds) {} },
            )) {
                shouldThrow<NotifierClosedException> { use() }.message shouldContain "notifier shut is closed"
            }
        }

        test("handlers finish what is buffered") {
            val handled = ConcurrentLinkedQueue<String>()
            val notifier = Notifier.open(database.dataSource)
            val started = CompletableDeferred<Unit>()
            val goOn = CompletableDeferred<Unit>()
            notifier.subscribe("drained") {
                started.complete(Unit)
                goOn.await()
                handled += it.payload
            }
            val spare = notifier.watch("drained")
            repeat(10) { notifier.publish("drained", "$it") }
            repeat(10) { spare.next() }
            started.await()
            coroutineScope {
                val closing = async { notifier.shutdown() }
                notifier.awaitMode<NotifierMode.Closed>()
                goOn.complete(Unit)
                closing.await()
            }
            handled.toList() shouldBe List(10) { "$it" }
        }

        test("handlers that don't finish are cancelled after closeTimeout") {
            val notifier = Notifier.open(database.dataSource) { closeTimeout = 100.milliseconds }
            val started = CompletableDeferred<Unit>()
            val cancelled = CompletableDeferred<Unit>()
            notifier.subscribe("stuck") {
                started.complete(Unit)
                try {
                    awaitCancellation()
                } finally {
                    cancelled.complete(Unit)
                }
            }
            notifier.publish("stuck")
            started.await()
            measureTime { notifier.close() } shouldBeLessThan 10.seconds
            cancelled.isCompleted shouldBe true
        }

        test("flows end, and those who wait are told") {
            database.proxy().use { proxy ->
                proxy.refuse()
                coroutineScope {
                    val notifier = Notifier.open(database.url(proxy)) { name = "waited" }
                    val begun = Channel<Unit>(Channel.UNLIMITED)
                    val subscribing =
                        async {
                            begun.send(Unit)
                            runCatching { notifier.subscribe("x") {} }
                        }
                    val guest =
                        async {
                            begun.send(Unit)
                            runCatching { notifier.onListenConnection(PATIENCE) {} }
                        }
                    repeat(2) { begun.receive() }
                    notifier.shutdown()
                    for (waiting in listOf(subscribing, guest)) {
                        withTimeout(PATIENCE) { waiting.await() }.exceptionOrNull()!!.message shouldContain "notifier waited is closed"
                    }
                }
            }
            coroutineScope {
                val notifier = Notifier.open(database.dataSource)
                val flow = async { notifier.events("x", startWithGap = true).toList() }
                val seen = notifier.watch("x")
                notifier.publish("x", "last")
                seen.nextPayload()
                notifier.shutdown()
                withTimeout(PATIENCE) { flow.await() }
            }
        }

        test("close from a handler doesn't wait for that handler") {
            val notifier = Notifier.open(database.dataSource) { name = "suicidal" }
            val returned = Channel<String>(Channel.UNLIMITED)
            notifier.subscribe("stop") {
                if (it.payload == "close") notifier.close() else notifier.shutdown()
                returned.send(it.payload)
            }
            notifier.publish("stop", "close")
            withTimeout(PATIENCE / 4) { returned.receive() } shouldBe "close" // half of closeTimeout
            notifier.close()
            await("no thread", { threads("suicidal") }) { it.isEmpty() }
        }

        test("close on a thread that is interrupted closes all the same, and leaves it interrupted") {
            val notifier = Notifier.open(database.dataSource) { name = "interrupted" }
            notifier.awaitListening()
            val interrupted =
                CompletableFuture.supplyAsync {
                    Thread.currentThread().interrupt()
                    notifier.close()
                    Thread.interrupted()
                }
            withTimeout(PATIENCE) { interrupted.await() } shouldBe true
            await("no thread", { threads("interrupted") }) { it.isEmpty() } // it has ended its work, and is about to end
        }

        test("close from the listener's own thread doesn't wait for itself") {
            val notifier = Notifier.open(database.dataSource) { name = "self" }
            runCatching { notifier.onListenConnection(5.seconds) { notifier.close() } }
            notifier.awaitMode<NotifierMode.Closed>()
            notifier.close()
            await("no thread", { threads("self") }) { it.isEmpty() }
        }
    })
