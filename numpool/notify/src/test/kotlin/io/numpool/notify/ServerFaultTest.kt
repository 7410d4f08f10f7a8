package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.StopMode
import kotlin.time.Duration.Companion.milliseconds

class ServerFaultTest :
    FunSpec({
        val server by lazy { OwnPostgres.start(ServerSettings.fast()) }
        val database by lazy { Database(server.emptyDatabase()) }
        afterSpec { server.close() }

        suspend fun Notifier.isWellAgain(seen: Seen) {
            awaitListening()
            publish("x", "after")
            seen.nextPayload() shouldBe "after"
        }

        for (how in StopMode.entries) {
            test("server stopped ($how) and started: a gap, and everything after it") {
                Notifier.open(database.dataSource) { reconnectMaxInterval = 1_000.milliseconds }.use { notifier ->
                    val seen = notifier.watch("x")
                    notifier.awaitListening()
                    repeat(2) {
                        server.stop(how)
                        notifier.awaitMode<NotifierMode.Connecting>()
                        notifier.isHealthy shouldBe false
                        server.start()
                        val gap = seen.nextGap()
                        (gap.lostAt < gap.restoredAt) shouldBe true
                        notifier.isWellAgain(seen)
                    }
                }
            }
        }

        test("server crashed and recovered by itself: a gap, and everything after it") {
            Notifier.open(database.dataSource) { name = "crashed" }.use { notifier ->
                val seen = notifier.watch("x")
                notifier.awaitListening()
                database.connect().use { other -> server.killBackend(other.rows("SELECT pg_backend_pid()") { it.getInt(1) }.single()) }
                seen.nextGap()
                notifier.isWellAgain(seen)
            }
        }

        test("server frozen: noticed by the ping that nobody answers, and well again when it thaws") {
            Notifier
                .open(database.dataSource) {
                    pingInterval = 50.milliseconds
                    pingTimeout = 300.milliseconds
                    connectTimeout = 1_000.milliseconds
                }.use { notifier ->
                    val seen = notifier.watch("x")
                    notifier.awaitListening()
                    server.freeze()
                    notifier.awaitMode<NotifierMode.Connecting>().reason!! shouldContain "300 ms"
                    server.thaw()
                    seen.nextGap()
                    notifier.isWellAgain(seen)
                }
        }
    })
