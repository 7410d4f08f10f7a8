package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeGreaterThanOrEqualTo
import io.kotest.matchers.nulls.shouldBeNull
import io.kotest.matchers.nulls.shouldNotBeNull
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import kotlinx.coroutines.CompletableDeferred
import java.time.Instant

class StatisticsTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        test("healthy from the moment notifications are seen to arrive, until the connection is gone") {
            database.proxy().use { proxy ->
                Notifier.open(database.url(proxy)).use { notifier ->
                    notifier.awaitListening()
                    notifier.isHealthy shouldBe true
                    proxy.refuse()
                    proxy.cut()
                    notifier.awaitMode<NotifierMode.Connecting>()
                    notifier.isHealthy shouldBe false
                    proxy.resume()
                    notifier.awaitListening()
                    notifier.isHealthy shouldBe true
                    notifier.close()
                    notifier.isHealthy shouldBe false
                }
            }
        }

        test("received once, delivered once a subscriber, and its own checks not counted") {
            val before = Instant.now()
            Notifier.open(database.dataSource).use { notifier ->
                val seen = List(2) { notifier.watch("counted") }
                notifier.subscribe("unheard") {}.close()
                notifier.awaitListening()
                notifier.statistics.lastNotificationAt.shouldBeNull()
                repeat(3) { notifier.publish("counted", "$it") }
                seen.forEach { each -> repeat(3) { each.next() } }
                with(notifier.statistics) {
                    received shouldBe 3
                    delivered shouldBe 6
                    dropped shouldBe 0
                    errors shouldBe 0
                    reconnects shouldBe 0
                    connectedAt.shouldNotBeNull() shouldBeGreaterThanOrEqualTo before
                    lastNotificationAt.shouldNotBeNull() shouldBeGreaterThanOrEqualTo connectedAt
                    lastErrorAt.shouldBeNull()
                    lastError.shouldBeNull()
                    toString() shouldContain "received 3, delivered 6"
                }
            }
        }

        test("errors, with the newest one") {
            Notifier.open(database.dataSource).use { notifier ->
                notifier.subscribe("failing") {
                    throw if (it.payload ==
                        "last"
                    ) {
                        IllegalStateException("no")
                    } else {
                        IllegalArgumentException(it.payload)
                    }
                }
                notifier.publish("failing", "first")
                notifier.publish("failing", "last")
                await("both", { notifier.statistics.errors }) { it == 2L }
                notifier.statistics.lastError
                    .shouldBeInstanceOf<IllegalStateException>()
                    .message shouldBe "no"
                notifier.statistics.lastErrorAt.shouldNotBeNull()
            }
        }

        test("reconnects, and no connection time while there is none") {
            database.proxy().use { proxy ->
                Notifier.open(database.url(proxy)).use { notifier ->
                    val seen = notifier.watch("c")
                    val first = notifier.statistics.connectedAt.shouldNotBeNull()
                    proxy.refuse()
                    proxy.cut()
                    await("the loss", { notifier.statistics.connectedAt }) { it == null }
                    proxy.resume()
                    seen.nextGap()
                    notifier.statistics.reconnects shouldBe 1
                    notifier.statistics.connectedAt.shouldNotBeNull() shouldBeGreaterThanOrEqualTo first
                }
            }
        }

        for (policy in listOf(BufferPolicy.DROP_OLDEST, BufferPolicy.COALESCE)) {
            test("$policy: what was received was delivered or dropped") {
                Notifier
                    .open(database.dataSource) {
                        bufferSize = 3
                        bufferPolicy = policy
                    }.use { notifier ->
                        val gate = CompletableDeferred<Unit>()
                        notifier.subscribe("many") { gate.await() }
                        val all = notifier.watch("other")
                        val payloads = listOf("a", "b", "b", "c", "d", "d", "a", "e", "e", "f", "f", "g")
                        payloads.forEach { notifier.publish("many", it) }
                        notifier.publish("other", "end")
                        all.nextPayload() shouldBe "end" // came after the others
                        gate.complete(Unit)
                        await("all accounted for", { notifier.statistics }) { it.delivered + it.dropped == payloads.size + 1L }
                        notifier.statistics.received shouldBe payloads.size + 1L
                        (notifier.statistics.dropped > 0) shouldBe true
                    }
            }
        }
    })
