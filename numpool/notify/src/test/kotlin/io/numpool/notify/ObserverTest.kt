package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.numpool.testkit.Signals
import java.time.Duration

class ObserverTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        test("is told of everything, in the order in which it happens") {
            val told = Signals<String>("what the observer was told")

            fun next(what: String) {
                told.next(what) { true } shouldBe what
            }
            val notifier =
                Notifier.open(database.dataSource) {
                    name = "observed"
                    observer = Telling { told.send(it) }
                }
            notifier.use {
                next("connect")
                val first = notifier.subscribe("a") { if (it.payload == "bad") error("handler") }
                next("subscribe a")
                val second = notifier.subscribe("a") {}
                notifier.publish("a", "1")
                next("notification 1")
                notifier.publish("a", "bad")
                next("notification bad")
                next("error handler a")
                second.close()
                first.close()
                next("unsubscribe a")
                notifier.awaitListening()
                database.terminateListener("observed") shouldBe 1
                next("disconnect by an error")
                next("attempt 1 after PT0S")
                next("connect")
                next("reconnected 1")
            }
            next("disconnect")
            told.pending() shouldBe emptyList()
        }

        test("says connected when LISTEN is back, not before: what is sent from then on arrives") {
            val arrived = Signals<String>("notifications")
            val send = { name: String -> database.query("SELECT pg_notify('early', '$name')") {} }
            val notifier =
                Notifier.open(database.dataSource) {
                    name = "punctual"
                    observer =
                        Telling {
                            if (it == "connect" || it.startsWith("reconnected")) send(it)
                        }
                }
            notifier.use {
                notifier.subscribe("early") { arrived.send(it.payload) }
                notifier.awaitListening()
                repeat(10) {
                    await("one to terminate", { database.terminateListener("punctual") }) { it == 1 }
                    arrived.next("what was sent when it said connect") { it == "connect" }
                    arrived.next("what was sent when it said reconnected") { it.startsWith("reconnected") }
                }
            }
        }

        test("may throw wherever it is told something: nothing else changes") {
            val told = Signals<String>("what the observer was told")
            val notifier =
                Notifier.open(database.dataSource) {
                    name = "thrower"
                    observer =
                        Telling {
                            told.send(it)
                            throw IllegalStateException("observer at $it")
                        }
                }
            notifier.use {
                val seen = Seen()
                notifier.subscribe("a", seen::put) {
                    seen.put(it)
                    error("handler")
                }
                notifier.awaitListening()
                notifier.publish("a", "1")
                seen.nextPayload() shouldBe "1"
                told.next("the handler's error") { it == "error handler a" }
                await("one to terminate", { database.terminateListener("thrower") }) { it == 1 }
                seen.nextGap()
                notifier.publish("a", "2")
                seen.nextPayload() shouldBe "2"
                notifier.subscribe("b") {}.close()
                told.next("the end of b") { it == "unsubscribe b" }
                (notifier.statistics.errors >= 8) shouldBe true
            }
            told.next("the end") { it == "disconnect" }
        }
    })

private class Telling(
    private val tell: (String) -> Unit,
) : NotifierObserver {
    override fun onNotification(notification: Notification) = tell("notification ${notification.payload}")

    override fun onError(
        error: Throwable,
        channel: String?,
    ) = tell("error ${error.message} $channel")

    override fun onSubscribe(channel: String) = tell("subscribe $channel")

    override fun onUnsubscribe(channel: String) = tell("unsubscribe $channel")

    override fun onConnect() = tell("connect")

    override fun onDisconnect(error: Throwable?) = tell(if (error == null) "disconnect" else "disconnect by an error")

    override fun onReconnectAttempt(
        attempt: Int,
        delay: Duration,
    ) = tell("attempt $attempt after $delay")

    override fun onReconnected(attempt: Int) = tell("reconnected $attempt")

    override fun onGaveUp(
        attempts: Int,
        error: Throwable,
    ) = tell("gave up after $attempts")
}
