package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.longs.shouldBeGreaterThan
import io.kotest.matchers.longs.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.types.shouldBeInstanceOf
import io.numpool.testkit.Signals
import kotlinx.coroutines.coroutineScope
import java.time.Duration
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds

class HooksTest :
    StageSpec({
        test("acquired, queued and released tell pool, slot, token and time") {
            coroutineScope {
                val told = Told()
                val pool = stage.client { listen(told) }.pool("told", 1)
                val first = pool.acquire()
                told.next("acquired told 0 ${first.token}").waited!!.toMillis() shouldBeLessThan 30_000
                val waiter = queued(pool) { pool.acquire() }
                val ticket = pool.queue().single().ticket
                told.next("queued told $ticket")
                val queued = first.heldFor
                await("time to pass", { first.heldFor }) { it > queued + 20.milliseconds }
                first.release()
                told.next("released told 0 ${first.token}").waited!!.toMillis() shouldBeGreaterThan 19
                val second = waiter.value()
                second.token shouldBe ticket
                told.next("acquired told 0 $ticket").waited!!.toMillis() shouldBeGreaterThan 19
                second.close()
                told.next("released told 0 $ticket")
            }
        }

        test("timedOut tells how long was waited, and nothing of who did not wait") {
            val told = Told()
            val pool = stage.client { listen(told) }.pool("timed out", 1)
            pool.acquire()
            pool.tryAcquire() shouldBe null
            shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 100.milliseconds) }
            told.next("timedOut timed out").waited!!.toMillis() shouldBeGreaterThan 99
        }

        test("timedOut is told of an acquire only when it fails by it, though a slot comes free at that moment") {
            coroutineScope {
                val told = Told()
                val isFree = CountDownLatch(1)
                val slow =
                    object : NumpoolListener {
                        override fun timedOut(
                            pool: String,
                            waited: Duration,
                        ) {
                            told.timedOut(pool, waited)
                            isFree.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)
                        }
                    }
                val pool =
                    stage
                        .client {
                            listen(told)
                            listen(slow)
                        }.pool("just in time", 1)
                val holder = pool.acquire()
                val late = queued(pool) { pool.acquire(timeout = 100.milliseconds) }
                told.next("timedOut just in time")
                holder.release()
                await("the slot to come back, or to go on", {
                    pool.status().held() == 0 || told.everyText.count { it.startsWith("acquired") } > 1
                }) { it }
                isFree.countDown()
                late.failure().shouldBeInstanceOf<AcquireTimeoutException>()
                pool.awaitIdle()
            }
        }

        test("lost tells why") {
            val told = Told()
            val client = stage.client { listen(told) }
            val resource = client.pool("lost", 1).acquire()
            client.deletePool("lost")
            told.next("lost lost 0 ${resource.token} the pool was deleted")
        }

        test("the end of a session tells disconnected, lost and reconnected") {
            val told = Told()
            val client = stage.client { listen(told) }
            val session = client.session
            told.next("reconnected")
            val resource = client.pool("ended", 1).acquire()
            stage.database.query("SELECT numpool.end_session($session)")
            client.pool("ended").tryAcquire()
            resource.awaitLost()!!.token shouldBe resource.token
            told.next("disconnected")
            told.next("reconnected")
            await("another session", { client.session }) { it > session }
        }

        test("reclaimed tells the session and how many slots it had") {
            Stage().use { alone ->
                val told = Told()
                alone.client {
                    listen(told)
                    reaperTick = 50.milliseconds
                }
                val victim = alone.client { reaperTick = 1.hours }
                val session = victim.session
                val pool = victim.pool("reclaimed", 3)
                repeat(3) { pool.acquire() }
                alone.database.execute("UPDATE numpool.session SET dead = clock_timestamp() WHERE id = $session")
                told.next("reclaimed $session 3")
            }
        }

        test("joined tells of each pool once, left of its deletion or of the client's end, and closed comes last") {
            val told = Told()
            val client = stage.client { listen(told) }
            repeat(2) { client.pool("joined", 2) }
            told.next("joined joined 2")
            client.pool("joined").withLock { }
            val resource = client.pool("joined too", 1).acquire()
            told.next("joined joined too 1")
            client.deletePool("joined too")
            told.next("lost joined too 0 ${resource.token} the pool was deleted")
            told.next("left joined too")
            client.close()
            told.next("left joined")
            told.next("closed")
            told.everyText.filter { it.startsWith("joined") } shouldBe listOf("joined joined 2", "joined joined too 1")
            told.everyText.filter { it.startsWith("left") } shouldBe listOf("left joined too", "left joined")
            told.everyText.last() shouldBe "closed"
        }

        test("closed is told by a client that could not be opened") {
            val told = Told()
            val elsewhere = stage.database.postgresDataSource().apply { databaseName = "nowhere" }
            shouldThrow<NumpoolException> {
                stage.client(elsewhere) {
                    openTimeout = 200.milliseconds
                    listen(told)
                }
            }
            told.next("closed")
        }

        test("without a listener connection, reconnected tells of a lost session's successor") {
            val told = Told()
            val client =
                stage.client {
                    pollOnly = true
                    listen(told)
                }
            val session = client.session
            val pool = client.pool("polled", 1)
            stage.database.query("SELECT numpool.end_session($session)")
            pool.withResource { }
            told.next("disconnected")
            told.next("reconnected")
            told.everyText.count { it == "reconnected" } shouldBe 1
        }

        test("a listener of an open client is told first of its pools, then of what happens, and nothing after its removal") {
            val early = Told()
            val client =
                stage.client {
                    pollOnly = true // else its first attachment is told, too, early or late
                    listen(early)
                }
            val pool = client.pool("there already", 1)
            client.pool("gone already", 1)
            client.deletePool("gone already")
            early.next("left gone already")
            val told = Told()
            client.addListener(told)
            told.next("joined there already 1")
            val resource = pool.acquire()
            told.next("acquired there already 0 ${resource.token}")
            client.removeListener(told)
            resource.release()
            client.removeListener(told)
            told.everyText shouldBe listOf("joined there already 1", "acquired there already 0 ${resource.token}")
        }

        test("what is known of a pool: the whole as last heard, the client's own as it is") {
            coroutineScope {
                val uses = Signals<PoolUse>("uses")
                val client =
                    stage.client {
                        listen(
                            object : NumpoolListener {
                                override fun joined(use: PoolUse) = uses.send(use)
                            },
                        )
                    }
                val pool = client.pool("known", 2)
                val use = uses.next()
                use.known() shouldBe "known: 0 of 2 held, 0 waiting; own: 0 held, 0 waiting"
                val other = stage.client().pool("known").acquire()
                val mine = pool.acquire()
                use.known() shouldBe "known: 2 of 2 held, 0 waiting; own: 1 held, 0 waiting"
                val waiter = queued(pool) { pool.acquire() }
                use.known() shouldBe "known: 2 of 2 held, 1 waiting; own: 1 held, 1 waiting"
                mine.close()
                waiter.value().release()
                use.known() shouldBe "known: 1 of 2 held, 0 waiting; own: 0 held, 0 waiting"
                other.release()
                client.pools("know")
                use.known() shouldBe "known: 0 of 2 held, 0 waiting; own: 0 held, 0 waiting"
            }
        }

        test("what a listener throws harms nothing, and others are still told") {
            coroutineScope {
                val told = Told()
                val client =
                    stage.client {
                        listen(Throwing)
                        listen(told)
                    }
                told.next("reconnected")
                val pool = client.pool("thrown at", 1)
                val holder = pool.acquire()
                val waiter = queued(pool) { pool.acquire() }
                shouldThrow<AcquireTimeoutException> { pool.acquire(timeout = 50.milliseconds) }
                holder.release() shouldBe ResourceState.RELEASED
                waiter.value()
                told.next("acquired thrown at 0 ${holder.token}")
                client.deletePool("thrown at")
                waiter.value().awaitLost()!!.pool shouldBe "thrown at"
                val two = client.pool("thrown at for two", 2).let { listOf(it.acquire(), it.acquire()) }
                client.deletePool("thrown at for two")
                two.forEach { it.awaitLost()!!.pool shouldBe "thrown at for two" }
                await("a second to pass without harm", { client.mode }) { it == NumpoolMode.LISTENING }
                client.close()
            }
        }
    })

private class Event(
    val text: String,
    val waited: Duration?,
) {
    override fun toString() = text
}

private fun PoolUse.known() = "$pool: $held of $capacity held, $waiting waiting; own: $ownHeld held, $ownWaiting waiting"

private class Told : NumpoolListener {
    private val signals = Signals<Event>("events")
    private val all = ConcurrentLinkedQueue<String>()

    val everyText get() = all.toList()

    fun next(text: String): Event = signals.next(text) { it.text == text }

    private fun send(
        text: String,
        time: Duration? = null,
    ) {
        all += text
        signals.send(Event(text, time))
    }

    override fun acquired(
        pool: String,
        index: Int,
        token: Long,
        waited: Duration,
    ) = send("acquired $pool $index $token", waited)

    override fun released(
        pool: String,
        index: Int,
        token: Long,
        held: Duration,
    ) = send("released $pool $index $token", held)

    override fun lost(
        pool: String,
        index: Int,
        token: Long,
        reason: String,
    ) = send("lost $pool $index $token $reason")

    override fun queued(
        pool: String,
        ticket: Long,
    ) = send("queued $pool $ticket")

    override fun timedOut(
        pool: String,
        waited: Duration,
    ) = send("timedOut $pool", waited)

    override fun reclaimed(
        session: Long,
        slots: Int,
    ) = send("reclaimed $session $slots")

    override fun disconnected(cause: Throwable?) = send("disconnected")

    override fun reconnected() = send("reconnected")

    override fun joined(use: PoolUse) = send("joined ${use.pool} ${use.capacity}")

    override fun left(use: PoolUse) = send("left ${use.pool}")

    override fun closed() = send("closed")
}

private object Throwing : NumpoolListener {
    override fun acquired(
        pool: String,
        index: Int,
        token: Long,
        waited: Duration,
    ) = throw IllegalStateException("acquired")

    override fun released(
        pool: String,
        index: Int,
        token: Long,
        held: Duration,
    ) = throw IllegalStateException("released")

    override fun lost(
        pool: String,
        index: Int,
        token: Long,
        reason: String,
    ) = throw NotImplementedError("lost: an Error, not an Exception")

    override fun queued(
        pool: String,
        ticket: Long,
    ) = throw IllegalStateException("queued")

    override fun timedOut(
        pool: String,
        waited: Duration,
    ) = throw IllegalStateException("timedOut")

    override fun disconnected(cause: Throwable?) = throw IllegalStateException("disconnected")

    override fun reconnected() = throw java.util.concurrent.CancellationException("reconnected")

    override fun joined(use: PoolUse) = throw IllegalStateException("joined")

    override fun left(use: PoolUse) = throw IllegalStateException("left")

    override fun closed() = throw IllegalStateException("closed")
}
