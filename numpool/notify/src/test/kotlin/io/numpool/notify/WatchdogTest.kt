package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.numpool.notify.internal.Watchdog
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withTimeout
import java.lang.reflect.Proxy
import java.sql.Connection
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

class WatchdogTest :
    FunSpec({
        fun watchdog(report: (Throwable) -> Unit = {}) =
            Watchdog(1_000_000, { thread(start = false, isDaemon = true) { it.run() } }, report)

        fun connection(onAbort: () -> Unit) =
            Proxy.newProxyInstance(Connection::class.java.classLoader, arrayOf(Connection::class.java)) { _, method, _ ->
                check(method.name == "abort")
                onAbort()
            } as Connection

        fun CountDownLatch.awaited() = await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)

        test("an abort that hangs, or fails in whatever way, doesn't keep it from the next") {
            val never = CountDownLatch(1)
            val hangs = CountDownLatch(1)
            val reported = CountDownLatch(1)
            val aborted = CountDownLatch(1)
            val watchdog = watchdog { reported.countDown() }
            val hanging =
                connection {
                    hangs.countDown()
                    never.await()
                }
            coroutineScope {
                val first = async(Dispatchers.IO) { watchdog.guard(hanging, 1) { aborted.awaited() } }
                hangs.awaited() shouldBe true
                val second = async(Dispatchers.IO) { watchdog.guard(connection { throw AbstractMethodError() }, 1) { aborted.awaited() } }
                reported.awaited() shouldBe true
                val third = async(Dispatchers.IO) { watchdog.guard(connection { aborted.countDown() }, 1) { aborted.awaited() } }
                withTimeout(PATIENCE) { listOf(first, second, third).map { it.await() } } shouldBe listOf(true, true, true)
            }
            never.countDown()
            watchdog.close()
        }

        test("closed, it aborts what is under way, and what comes later") {
            val watchdog = watchdog()
            val aborted = CountDownLatch(1)
            coroutineScope {
                val begun = CountDownLatch(1)
                val longest =
                    async(Dispatchers.IO) {
                        watchdog.guard(connection { aborted.countDown() }, Long.MAX_VALUE) {
                            begun.countDown()
                            aborted.awaited()
                        }
                    }
                begun.awaited()
                watchdog.close()
                longest.await() shouldBe true
            }
            val late = CountDownLatch(1)
            watchdog.guard(connection { late.countDown() }, Long.MAX_VALUE) { late.awaited() } shouldBe true
        }
    })
