package io.numpool.internal

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.ints.shouldBeLessThanOrEqual
import io.kotest.matchers.shouldBe
import io.numpool.await
import io.numpool.awaited
import io.numpool.internal.store.StoreException
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.sql.Connection
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import javax.sql.DataSource
import kotlin.time.Duration.Companion.seconds

/** Calls that get no connection, and calls that nobody waits for any more. */
class JdbcBridgeTest :
    FunSpec({
        timeout = 60_000
        val database = TestPostgres.shared().emptyDatabase()
        afterSpec { database.close() }

        /** A bridge with two connections at a time, whose DataSource gives none while [gate] is closed. */
        class Bridged(
            connectMillis: Long = 200,
            callMillis: Long = 10_000,
        ) : DataSource by database.dataSource() {
            @Volatile var gate = CountDownLatch(0)
            val asked = AtomicInteger()
            val given = ConcurrentLinkedQueue<Connection>()
            val bridge = JdbcBridge(this, 2, callMillis, connectMillis)

            override fun getConnection(): Connection {
                asked.incrementAndGet()
                gate.await()
                return database.connect().also { given += it }
            }

            fun hang() {
                gate = CountDownLatch(1)
            }

            suspend fun one(): Int = bridge.run { it.createStatement().use { s -> s.executeUpdate("SET application_name = 'called'") } }
        }

        suspend fun watched(
            bridged: Bridged = Bridged(),
            test: suspend CoroutineScope.(Bridged) -> Unit,
        ) = coroutineScope {
            val watch = launch(Dispatchers.Default) { bridged.bridge.watch() }
            try {
                withTimeout(30.seconds) { test(bridged) }
            } finally {
                bridged.gate.countDown()
                watch.cancelAndJoin()
            }
        }

        suspend fun unsent(call: suspend () -> Any?) =
            shouldThrow<StoreException> { call() }.kind() shouldBe StoreException.Kind.UNREACHABLE

        test("a call that gets no connection fails when its time is up, and holds up no other") {
            watched { bridged ->
                bridged.hang()
                val hanging = List(2) { async(Dispatchers.Default) { runCatching { bridged.one() } } }
                awaited("both ask for a connection", { bridged.asked.get() }) { it == 2 }
                val gate = bridged.gate
                bridged.gate = CountDownLatch(0)
                bridged.one() shouldBe 0
                hanging.forEach { call -> unsent { call.await().getOrThrow() } }
                bridged.bridge.isStuck shouldBe true
                gate.countDown()
                await("the threads are back", { bridged.bridge.isStuck }) { !it }
            }
        }

        test("a connection that comes too late is given back, and nothing is sent on it") {
            watched { bridged ->
                bridged.hang()
                val sent = AtomicInteger()
                unsent { bridged.bridge.run { sent.incrementAndGet() } }
                bridged.gate.countDown()
                await("the thread is back", { bridged.bridge.isStuck }) { !it }
                bridged.given.single().isClosed shouldBe true
                sent.get() shouldBe 0
            }
        }

        test("a DataSource that hangs for ever takes a few threads, and those who call wait") {
            watched { bridged ->
                bridged.hang()
                val calls = List(30) { launch(Dispatchers.Default) { runCatching { bridged.one() } } }
                awaited("no more is asked of it", { bridged.asked.get() }) { it >= 10 }
                calls.count { it.isCompleted } shouldBeLessThanOrEqual 8
                bridged.gate.countDown()
                calls.forEach { it.join() }
                bridged.asked.get() shouldBe 30
            }
        }

        test("when all is called off, what waits for a connection or for its turn ends, and is not sent") {
            watched(Bridged(connectMillis = 100_000)) { bridged ->
                bridged.hang()
                val sent = AtomicInteger()
                val calls =
                    List(5) {
                        // each has asked before the next begins
                        async(start = CoroutineStart.UNDISPATCHED) { runCatching { bridged.bridge.run { sent.incrementAndGet() } } }
                    }
                awaited("two ask for a connection", { bridged.asked.get() }) { it == 2 }
                bridged.bridge.abortCalls()
                calls.forEach { call -> unsent { call.await().getOrThrow() } }
                bridged.gate.countDown()
                bridged.one() shouldBe 0
                await("the threads are back", { bridged.bridge.isStuck }) { !it }
                sent.get() shouldBe 0
                bridged.asked.get() shouldBe 3
            }
        }

        test("who gives up before its turn comes is not kept waiting, and its call is not sent") {
            watched(Bridged(connectMillis = 100_000)) { bridged ->
                bridged.hang()
                val first = List(2) { async(Dispatchers.Default) { bridged.one() } }
                awaited("two ask for a connection", { bridged.asked.get() }) { it == 2 }
                val sent = AtomicInteger()
                val late = async(Dispatchers.Default) { bridged.bridge.run { sent.incrementAndGet() } }
                late.cancelAndJoin()
                bridged.gate.countDown()
                first.forEach { it.await() shouldBe 0 }
                bridged.one() shouldBe 0
                sent.get() shouldBe 0
                bridged.asked.get() shouldBe 3
            }
        }

        test("who gives up while a connection is waited for is not kept waiting, and its call is not sent") {
            watched(Bridged(connectMillis = 100_000)) { bridged ->
                bridged.hang()
                val sent = AtomicInteger()
                val call = async(Dispatchers.Default) { bridged.bridge.run { sent.incrementAndGet() } }
                awaited("it asks for a connection", { bridged.asked.get() }) { it == 1 }
                call.cancelAndJoin()
                bridged.gate.countDown()
                await("the thread is back", { bridged.bridge.isStuck }) { !it }
                bridged.given.single().isClosed shouldBe true
                sent.get() shouldBe 0
            }
        }

        test("a call that its connection's abort does not end is left to its thread: its outcome is unknown, and others go on") {
            watched(Bridged(callMillis = 400)) { bridged ->
                val end = CountDownLatch(1)
                val stuck =
                    List(2) { async(Dispatchers.Default) { runCatching { bridged.bridge.run { end.await() } } } }
                awaited("both are calling", { bridged.given.size }) { it == 2 }
                stuck.forEach { call ->
                    shouldThrow<StoreException> { call.await().getOrThrow() }.kind() shouldBe StoreException.Kind.UNKNOWN
                }
                bridged.given.all { it.isClosed } shouldBe true
                bridged.bridge.isStuck shouldBe true
                bridged.one() shouldBe 0
                end.countDown()
                await("the threads are back", { bridged.bridge.isStuck }) { !it }
            }
        }

        test("who gives up when its call has begun hears of it at its end, and what it did is done") {
            watched { bridged ->
                val began = CountDownLatch(1)
                val end = CountDownLatch(1)
                val done = AtomicInteger()
                val call =
                    async(Dispatchers.Default) {
                        bridged.bridge.run {
                            began.countDown()
                            end.await()
                            done.incrementAndGet()
                        }
                    }
                awaited("it has begun", { began.count }) { it == 0L }
                call.cancel()
                call.isCompleted shouldBe false
                end.countDown()
                shouldThrow<CancellationException> { call.await() }
                done.get() shouldBe 1
            }
        }
    })
