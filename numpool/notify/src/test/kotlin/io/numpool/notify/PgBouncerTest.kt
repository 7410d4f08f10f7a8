package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.core.test.Enabled
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.testkit.PgBouncer
import io.numpool.testkit.Signals
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
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
                    val listened = Signals<Unit>("LISTEN committed")
                    val observer =
                        object : NotifierObserver {
                            override fun onConnect() = listened.send(Unit)
                        }
                    Notifier.open(bouncer.url()) { this.observer = observer }.use { notifier ->
                        measureTime { notifier.awaitMode<NotifierMode.Unavailable>() } shouldBeLessThan 5.seconds
                        (notifier.mode as NotifierMode.Unavailable).reason shouldContain "a pooler stands in between"
                        notifier.isHealthy shouldBe false
                        shouldThrow<ListenUnavailableException> { notifier.subscribe("x") {} }.message shouldContain "pooler"
                        // nor is it listened to when another attempt has come as far as LISTEN
                        val subscription = notifier.register("y") {}
                        while (listened.pending().isNotEmpty()) listened.next()
                        listened.next()
                        shouldThrow<ListenUnavailableException> { subscription.awaitListening() }
                    }
                }
            }
        }

        test(
            "behind a PgBouncer: an echo that comes along with the answer to a statement is no proof",
        ).config(enabledOrReasonIf = { installed }) {
            TestPostgres.shared().emptyDatabase().use { database ->
                PgBouncer.inFrontOf(database, 4).use { bouncer ->
                    repeat(5) {
                        Notifier.open(bouncer.url()) { echoTimeout = 500.milliseconds }.use { notifier ->
                            coroutineScope {
                                // While one of these runs, PgBouncer passes on what arrives on that connection of the server.
                                val busy =
                                    launch(Dispatchers.IO) {
                                        while (true) notifier.onListenConnection(PATIENCE) { it.rows("SELECT pg_sleep(0.1)") {} }
                                    }
                                val mode = withTimeout(PATIENCE) { notifier.modes.first { it !is NotifierMode.Connecting } }
                                (mode is NotifierMode.Unavailable) shouldBe true
                                busy.cancelAndJoin()
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
