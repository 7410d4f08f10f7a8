package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldHaveSize
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.ResourcePool
import io.numpool.ResourceState
import io.numpool.StoreUnavailableException
import io.numpool.testkit.LateStatement
import io.numpool.testkit.TestPostgres
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.future.await
import kotlinx.coroutines.withTimeout
import java.util.Optional
import java.util.concurrent.CompletableFuture
import kotlin.random.Random

/** Connections that break around a call, in the driver and on the wire: the call is made or not, and the client does not know. */
class WireFaultTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        afterSpec {
            sql.close()
            database.close()
        }
        var pools = 0

        fun number(pool: ResourcePool) = sql.call("SELECT number FROM pool WHERE id = ?", pool.id) as Int

        fun state(pool: ResourcePool) = sql.state(number(pool))

        /** From now on the lost call does nothing, should it still arrive. */
        suspend fun awaitRetry(wired: Wired) =
            awaited("the epoch is raised") { sql.call("SELECT epoch FROM session WHERE id = ?", wired.client.session) as Long > 0 }

        /** A pool of one slot, a client of it through the wire, and one that has its connections for itself. */
        suspend fun onWire(
            round: Round,
            test: suspend (ResourcePool, ResourcePool, Wired) -> Unit,
        ) {
            val id = "wire ${pools++}"
            database.bystander(Pace.PATIENT.orDefault()).use { bystander ->
                val theirs = bystander.pool(id, 1)
                database.wired("wired", round.source, Pace.PATIENT.orDefault()).use { wired ->
                    test(wired.client.pool(id), theirs, wired)
                    awaited("nothing is left of '$id'") { database.isFree(id) }
                }
            }
        }

        for (loss in Loss.entries) {
            test("$loss: an acquire has one slot, not two, not none") {
                repeated(testCase.name.name) { round ->
                    onWire(round) { pool, theirs, wired ->
                        theirs.resize(2)
                        val lost = loss.befall(wired.calls, round.random)
                        val held = pool.acquire()
                        lost.awaitLoss()
                        state(pool).leases.map { it.token } shouldBe listOf(held.token)
                        state(pool).waiting.shouldBeEmpty()
                        lost.arriveForNothing { state(pool) }
                        held.isHeld shouldBe true
                        held.release() shouldBe ResourceState.RELEASED
                        state(pool).leases.shouldBeEmpty()
                    }
                }
            }

            test("$loss: an acquire that waits has one place, not two, not none") {
                repeated(testCase.name.name) { round ->
                    onWire(round) { pool, theirs, wired ->
                        val held = theirs.acquire()
                        val lost = loss.befall(wired.calls, round.random)
                        coroutineScope {
                            val waiting = async(Dispatchers.Default) { pool.acquire() }
                            lost.awaitLoss()
                            awaited("it waits") { state(pool).waiting.size == 1 }
                            awaitRetry(wired)
                            lost.arriveForNothing { state(pool) }
                            state(pool).waiting shouldHaveSize 1
                            held.release()
                            waiting.soon().release() shouldBe ResourceState.RELEASED
                        }
                    }
                }
            }

            test("$loss: a release frees its slot, and not that of the next holder") {
                repeated(testCase.name.name) { round ->
                    onWire(round) { pool, theirs, wired ->
                        val held = pool.acquire()
                        val lost = loss.befall(wired.calls, round.random)
                        held.release() shouldBe ResourceState.RELEASED
                        lost.awaitLoss()
                        state(pool).leases.shouldBeEmpty()
                        theirs.acquire().use { next ->
                            lost.arriveForNothing { state(pool) }
                            next.isHeld shouldBe true
                            state(pool).leases.map { it.token } shouldBe listOf(next.token)
                        }
                    }
                }
            }

            test("$loss: a cancelled acquire leaves the queue, and who comes behind it is served") {
                repeated(testCase.name.name) { round ->
                    onWire(round) { pool, theirs, wired ->
                        val held = theirs.acquire()
                        coroutineScope {
                            val waiting = queued(pool)
                            val lost = loss.befall(wired.calls, round.random)
                            waiting.cancel()
                            lost.awaitLoss()
                            awaited("nobody waits") { state(pool).waiting.isEmpty() }
                            awaitRetry(wired)
                            val next = queued(theirs)
                            lost.arriveForNothing { state(pool) }
                            held.release()
                            next.soon().release() shouldBe ResourceState.RELEASED
                        }
                    }
                }
            }

            test("$loss: a try has one slot, or none when its caller was told that the database is away") {
                repeated(testCase.name.name) { round ->
                    onWire(round) { pool, _, wired ->
                        val lost = loss.befall(wired.calls, round.random)
                        val tried = runCatching { pool.tryAcquire() }
                        lost.awaitLoss()
                        tried.exceptionOrNull()?.let { (it is StoreUnavailableException) shouldBe true }
                        tried.getOrNull()?.release()
                        awaitRetry(wired)
                        lost.arriveForNothing()
                    }
                }
            }
        }

        test("calls are lost again and again, those that raise the epoch, too, and some arrive at last: one slot each time") {
            repeated(testCase.name.name) { round ->
                onWire(round) { pool, _, wired ->
                    val lost = mutableListOf<Lost>()
                    repeat(6) {
                        repeat(1 + round.random.nextInt(3)) {
                            val call = if (round.random.nextBoolean()) EXCHANGE else RAISE_EPOCH
                            lost += Loss.entries.random(round.random).befall(wired.calls, round.random, call)
                        }
                        val held = pool.acquire()
                        state(pool).leases.map { it.token } shouldBe listOf(held.token)
                        lost.shuffled(round.random).forEach { late -> if (late.isHeld) late.arrive() }
                        state(pool).leases.map { it.token } shouldBe listOf(held.token)
                        held.isHeld shouldBe true
                        held.release() shouldBe ResourceState.RELEASED
                        state(pool).leases.shouldBeEmpty()
                    }
                    lost.forEach { it.callOff() }
                    lost.count { it.happened } shouldNotBe 0
                }
            }
        }
    })

private const val EXCHANGE = "\"exchange\""
private const val RAISE_EPOCH = "\"raise_epoch\""

/** How a call is lost. */
private enum class Loss(
    private val text: String,
    private val arm: WireProxy.(String, Random) -> Lost,
) {
    UNSENT("cut before the call is sent", { call, _ -> Lost(cutBefore(call)) }),
    UNANSWERED("cut when the call is sent", { call, _ -> Lost(cutAfter(call)) }),
    HALF_ANSWERED("cut within the answer", { call, random -> Lost(cutInAnswer(call, 1 + random.nextInt(6))) }),
    LATE("given up, and executed late", { call, _ -> hold(call).let { Lost(it.held(), it) } }),
    ;

    fun befall(
        wire: WireProxy,
        random: Random,
        call: String = EXCHANGE,
    ): Lost = wire.arm(call, random)

    override fun toString(): String = text
}

private class Lost(
    private val loss: CompletableFuture<*>,
    private val late: LateStatement? = null,
) {
    val happened get() = loss.isDone && !loss.isCancelled

    val isHeld get() = late != null && happened

    suspend fun awaitLoss() {
        withTimeout(PATIENCE) { loss.await() }
    }

    suspend fun arrive(): Optional<String> = withTimeout(PATIENCE) { late!!.deliver().await() }

    /** The epoch is raised by now: the call itself is refused, if it was held. */
    suspend fun arriveForNothing() {
        if (late != null) arrive() shouldBe Optional.of("NP002")
    }

    /** It changes nothing, either: the client is at rest. */
    suspend fun arriveForNothing(state: () -> Sql.State) {
        val before = state()
        arriveForNothing()
        state() shouldBe before
    }

    fun callOff() {
        loss.cancel(false)
    }
}
