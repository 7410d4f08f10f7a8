package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.notify.internal.Opener
import kotlinx.coroutines.withTimeout
import java.lang.reflect.Proxy
import java.sql.Connection
import java.sql.SQLTimeoutException
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.milliseconds

class OpenerTest :
    FunSpec({
        /** Opens when let, and not a moment before, whoever interrupts it. */
        class Stubborn : ConnectionProvider {
            val begun = LinkedBlockingQueue<Unit>()
            val closed = LinkedBlockingQueue<String>()
            val gates = CopyOnWriteArrayList<CountDownLatch>()
            override val prompt = false
            override val pooled = true

            override fun open(): Connection {
                val gate = CountDownLatch(1)
                gates += gate
                begun.put(Unit)
                while (gate.count > 0) {
                    try {
                        gate.await()
                    } catch (_: InterruptedException) {
                        continue
                    }
                }
                val type = Connection::class.java
                return Proxy.newProxyInstance(type.classLoader, arrayOf(type)) { _, method, _ -> closed.put(method.name) } as Connection
            }
        }

        fun opener(
            from: ConnectionProvider,
            most: Int,
        ) = Opener(from, { thread(start = false, isDaemon = true) { it.run() } }, most)

        fun <T> LinkedBlockingQueue<T>.next(): T = poll(PATIENCE.inWholeSeconds, TimeUnit.SECONDS) ?: throw AssertionError("nothing")

        test("one that hangs doesn't hold up the next, which may hang too") {
            val provider = Stubborn()
            val opener = opener(provider, most = 2)
            repeat(2) {
                shouldThrow<SQLTimeoutException> { opener.open(50.milliseconds) }
                provider.begun.next()
            }
            shouldThrow<SQLTimeoutException> { opener.open(50.milliseconds) }
            provider.begun.poll() shouldBe null // not a third one
            provider.gates.forEach { it.countDown() }
            List(2) { provider.closed.next() } shouldBe listOf("close", "close")
        }

        test("a connection that comes too late is given back, and the next opening waits for it when there are no more") {
            val provider = Stubborn()
            val opener = opener(provider, most = 1)
            shouldThrow<SQLTimeoutException> { opener.open(10.milliseconds) }.message shouldContain "no connection within 10ms"
            provider.begun.next()
            shouldThrow<SQLTimeoutException> { opener.open(10.milliseconds) }
            provider.begun.poll() shouldBe null // the first hangs still
            provider.gates.single().countDown()
            provider.closed.next() shouldBe "close"
            val letIn =
                thread {
                    provider.begun.next()
                    provider.gates.last().countDown()
                }
            withTimeout(PATIENCE) { opener.open(PATIENCE) }
            letIn.join()
            provider.closed.poll() shouldBe null
        }
    })
