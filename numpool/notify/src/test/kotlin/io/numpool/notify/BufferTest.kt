package io.numpool.notify

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeMonotonicallyIncreasing
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.notify.internal.Counters
import io.numpool.notify.internal.Mailbox
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.withTimeout
import java.time.Instant
import kotlin.time.Duration.Companion.milliseconds

class BufferTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        fun mailbox(policy: BufferPolicy) = Mailbox("c", false, 3, policy, Counters(), onRoom = {})

        fun notification(
            payload: String,
            second: Long = 0,
        ) = Notification("c", payload, 1, Instant.ofEpochSecond(second))

        fun Mailbox.offer(notification: Notification) = offer(notification, proven = notification.receivedAt.minusSeconds(1))

        suspend fun Mailbox.rest(): List<String> {
            end()
            val all = ArrayList<String>()
            while (true) all += ((take() ?: return all) as? Notification)?.payload ?: "gap"
        }

        test("WAIT: refuses when full, and says when there is room") {
            var room = 0
            val mailbox = Mailbox("c", false, 2, BufferPolicy.WAIT, Counters(), onRoom = { room++ })
            listOf("1", "2", "3").map { mailbox.offer(notification(it)) } shouldBe listOf(true, true, false)
            (mailbox.take() as Notification).payload shouldBe "1"
            room shouldBe 1
            mailbox.offer(notification("3")) shouldBe true
            mailbox.rest() shouldBe listOf("2", "3")
        }

        test("DROP_OLDEST: a gap stands where the oldest were") {
            val mailbox = mailbox(BufferPolicy.DROP_OLDEST)
            (1..6).forEach { mailbox.offer(notification("$it")) shouldBe true }
            mailbox.rest() shouldBe listOf("gap", "4", "5", "6")
        }

        test("COALESCE: of the same payload one is kept, and the oldest makes room when all differ") {
            val mailbox = mailbox(BufferPolicy.COALESCE)
            listOf("a", "b", "c", "a", "b").forEach { mailbox.offer(notification(it)) shouldBe true }
            listOf("d").forEach { mailbox.offer(notification(it)) shouldBe true }
            mailbox.rest() shouldBe listOf("gap", "b", "c", "d")
            val repeated = mailbox(BufferPolicy.COALESCE)
            listOf("a", "a", "a", "b", "c").forEach { repeated.offer(notification(it)) }
            repeated.rest() shouldBe listOf("a", "b", "c")
        }

        test("gaps in a row are one, from the first loss to the last return") {
            val mailbox = mailbox(BufferPolicy.WAIT)
            mailbox.gap(Instant.ofEpochSecond(1), Instant.ofEpochSecond(2), "first")
            mailbox.gap(Instant.ofEpochSecond(3), Instant.ofEpochSecond(4), "second")
            val gap = mailbox.take() as Gap
            gap.lostAt shouldBe Instant.ofEpochSecond(1)
            gap.restoredAt shouldBe Instant.ofEpochSecond(4)
            mailbox.rest() shouldBe emptyList()
        }

        test("the gap of what was dropped begins before it was sent, and takes in the gaps beside it") {
            val mailbox = mailbox(BufferPolicy.DROP_OLDEST)
            mailbox.offer(notification("a", 10))
            mailbox.gap(Instant.ofEpochSecond(11), Instant.ofEpochSecond(12), "lost")
            listOf(20L, 21L, 22L).forEach { mailbox.offer(notification("$it", it)) }
            val gap = mailbox.take() as Gap
            gap.lostAt shouldBe Instant.ofEpochSecond(9)
            gap.restoredAt shouldBe Instant.ofEpochSecond(12)
            mailbox.rest() shouldBe listOf("20", "21", "22")
        }

        suspend fun flood(
            policy: BufferPolicy,
            payload: (Int) -> String,
        ): List<NotifierEvent> {
            val gate = CompletableDeferred<Unit>()
            val seen = Channel<NotifierEvent>(Channel.UNLIMITED)
            val options: NotifierOptions.Builder.() -> Unit = {
                bufferPolicy = policy
                pingInterval = 100.milliseconds
            }
            return Notifier.open(database.dataSource, options).use { notifier ->
                notifier.subscribe("flood", onGap = { seen.send(it) }) {
                    gate.await()
                    seen.send(it)
                }
                val after = notifier.watch("after")
                database.connect().use { connection ->
                    connection.autoCommit = false
                    repeat(10_000) { i -> connection.rows("SELECT pg_notify('flood', '${payload(i)}')") {} }
                    connection.commit()
                }
                if (policy != BufferPolicy.WAIT) {
                    notifier.publish("after", "others are served")
                    after.nextPayload() shouldBe "others are served"
                }
                gate.complete(Unit)
                notifier.publish("flood", "end")
                val all = ArrayList<NotifierEvent>()
                do all += withTimeout(PATIENCE) { seen.receive() } while ((all.last() as? Notification)?.payload != "end")
                all
            }
        }

        test("10,000 into a slow subscriber, WAIT: all arrive in order") {
            flood(BufferPolicy.WAIT) { "$it" }.dropLast(1).map { (it as Notification).payload } shouldBe List(10_000) { "$it" }
        }

        test("10,000 into a slow subscriber, DROP_OLDEST: the newest arrive, after a gap that says why") {
            val events = flood(BufferPolicy.DROP_OLDEST) { "$it" }.dropLast(1)
            events.filterIsInstance<Gap>().first().reason shouldContain "buffer of 100 full"
            val numbers = events.filterIsInstance<Notification>().map { it.payload.toInt() }
            numbers.shouldBeMonotonicallyIncreasing()
            numbers.last() shouldBe 9_999
            numbers.size shouldBeLessThan 10_000
        }

        test("10,000 into a slow subscriber, COALESCE: each payload arrives, none is lost") {
            val payloads =
                flood(BufferPolicy.COALESCE) { "${it % 50} of round ${it / 5_000}" }.map {
                    (it as? Notification)?.payload
                        ?: "gap"
                }
            payloads.toSet() shouldBe (0 until 10_000).map { "${it % 50} of round ${it / 5_000}" }.toSet() + "end"
            payloads.size shouldBeGreaterThan 100
        }

        test("while a subscriber keeps the notifier waiting, pings and guests go on") {
            val gate = CompletableDeferred<Unit>()
            val pings = Channel<Long>(Channel.UNLIMITED)
            val hook =
                object : ListenHook {
                    override fun onPing(
                        sentNanos: Long,
                        answeredNanos: Long,
                    ) {
                        pings.trySend(sentNanos)
                    }
                }
            val options: NotifierOptions.Builder.() -> Unit = {
                bufferSize = 1
                pingInterval = 50.milliseconds
                this.hook = hook
            }
            Notifier.open(database.dataSource, options).use { notifier ->
                notifier.subscribe("full") { gate.await() }
                repeat(20) { notifier.publish("full") }
                repeat(20) { withTimeout(PATIENCE) { pings.receive() } }
                notifier.onListenConnection(PATIENCE) { connection -> connection.rows("SELECT 1") { it.getInt(1) } } shouldBe listOf(1)
                (notifier.mode is NotifierMode.Listening) shouldBe true
                gate.complete(Unit)
            }
        }
    })
