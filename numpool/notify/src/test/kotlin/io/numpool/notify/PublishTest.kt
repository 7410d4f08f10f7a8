package io.numpool.notify

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlin.time.Duration.Companion.milliseconds

class PublishTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        test("takes payloads up to the limit in bytes, not characters, and refuses longer ones") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("large")
                val largest = "ü".repeat(7_900 / 2)
                notifier.publish("large", largest)
                seen.nextPayload() shouldBe largest
                shouldThrow<IllegalArgumentException> { notifier.publish("large", largest + "x") }.message shouldContain
                    "payload has 7901 bytes, must be at most 7900"
            }
            Notifier.open(database.dataSource) { maxPayloadBytes = 7_999 }.use { notifier ->
                val seen = notifier.watch("largest")
                notifier.publish("largest", "x".repeat(7_999))
                seen.nextPayload().length shouldBe 7_999
            }
        }

        test("commits on a pool whose connections don't by themselves") {
            val config =
                HikariConfig().apply {
                    jdbcUrl = database.url
                    isAutoCommit = false
                    maximumPoolSize = 1
                }
            HikariDataSource(config).use { pool ->
                Notifier.open(pool).use { notifier ->
                    val seen = notifier.watch("manual")
                    notifier.publish("manual", "committed")
                    seen.nextPayload() shouldBe "committed"
                }
            }
        }

        test("by URL: one connection is kept, and replaced when it died") {
            Notifier.open(database.url) { name = "kept" }.use { notifier ->
                val seen = notifier.watch("kept")
                notifier.awaitListening()
                repeat(10) { notifier.publish("kept", "$it") }
                repeat(10) { seen.nextPayload() shouldBe "$it" }
                database.sessions() shouldBe 2
                database.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND pid <> pg_backend_pid()",
                ) {}
                seen.nextGap()
                await("a publisher again", { runCatching { notifier.publish("kept", "again") }.isSuccess }) { it }
                seen.nextPayload() shouldBe "again"
            }
        }

        test("what can't be sent is an error that names the channel") {
            database.proxy().use { proxy ->
                Notifier.open(database.url(proxy)) { reconnectInterval = 10.milliseconds }.use { notifier ->
                    notifier.awaitListening()
                    proxy.refusing = true
                    proxy.cut()
                    shouldThrow<PublishException> { notifier.publish("nowhere") }.channel shouldBe "nowhere"
                }
            }
        }
    })
