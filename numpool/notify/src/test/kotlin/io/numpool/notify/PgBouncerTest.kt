package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.core.test.Enabled
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.testkit.PgBouncer
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeout
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class PgBouncerTest :
    FunSpec({
        val installed = if (PgBouncer.program().isPresent) Enabled.enabled else Enabled.disabled("pgbouncer is not installed")

        test(
            "behind a PgBouncer that pools by transaction: UNAVAILABLE within 5 s, and it says why",
        ).config(enabledOrReasonIf = { installed }) {
            TestPostgres.shared().emptyDatabase().use { database ->
                PgBouncer.inFrontOf(database, 4).use { bouncer ->
                    Notifier.open(bouncer.url()).use { notifier ->
                        measureTime { notifier.awaitMode<NotifierMode.Unavailable>() } shouldBeLessThan 5.seconds
                        (notifier.mode as NotifierMode.Unavailable).reason shouldContain "a pooler stands in between"
                        notifier.isHealthy shouldBe false
                        repeat(20) {
                            // at any moment, also while it tries again
                            shouldThrow<ListenUnavailableException> { notifier.subscribe("x") {} }.message shouldContain "pooler"
                            delay(50.milliseconds)
                        }
                    }
                }
            }
        }

        // With one connection of the server for all, the echo comes along with the listener's own statements.
        for (connections in listOf(1, 2)) {
            test("behind a PgBouncer with $connections: an echo that comes along with a ping is no proof")
                .config(enabledOrReasonIf = { installed }) {
                    TestPostgres.shared().emptyDatabase().use { database ->
                        PgBouncer.inFrontOf(database, connections).use { bouncer ->
                            repeat(5) {
                                Notifier
                                    .open(bouncer.url()) {
                                        pingInterval = 1.milliseconds
                                        echoTimeout = 500.milliseconds
                                    }.use { notifier ->
                                        val mode = withTimeout(PATIENCE) { notifier.modes.first { it !is NotifierMode.Connecting } }
                                        (mode is NotifierMode.Unavailable) shouldBe true
                                    }
                            }
                        }
                    }
                }
        }

        test("listens around a PgBouncer, and sends through it").config(enabledOrReasonIf = { installed }) {
            TestPostgres.shared().emptyDatabase().use { database ->
                PgBouncer.inFrontOf(database, 4).use { bouncer ->
                    val direct = ConnectionProvider.of(database.urlWithPassword())
                    Notifier.open(direct, ConnectionProvider.of(bouncer.url()), NotifierOptions.builder().build()).use { notifier ->
                        val seen = notifier.watch("x")
                        notifier.awaitListening()
                        notifier.publish("x", "through")
                        seen.nextPayload() shouldBe "through"
                    }
                }
            }
        }
    })
