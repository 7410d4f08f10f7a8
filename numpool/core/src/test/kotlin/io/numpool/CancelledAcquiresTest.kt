package io.numpool

import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.fault.REPETITIONS
import io.numpool.fault.mayTake
import io.numpool.fault.repeated
import io.numpool.internal.Futures
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicReference
import kotlin.concurrent.thread
import kotlin.coroutines.Continuation
import kotlin.coroutines.resume
import kotlin.coroutines.suspendCoroutine
import kotlin.random.Random
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes

/** 100,000 acquires, each cancelled at a random moment: before it is sent, on the way, in the queue, at its grant, after it. */
class CancelledAcquiresTest :
    StageSpec({
        mayTake(20.minutes + 2.minutes * REPETITIONS)

        test("a value that comes when its future is cancelled already is dropped, to be given back") {
            lateinit var continuation: Continuation<Unit>
            val dropped = CompletableDeferred<String>()
            val future =
                Futures.future({ dropped.complete(it) }) {
                    suspendCoroutine { continuation = it } // does not see that it is cancelled
                    "value"
                }
            future.cancel(true) shouldBe true
            continuation.resume(Unit)
            withTimeout(PATIENCE) { dropped.await() } shouldBe "value"
        }

        test("100,000 acquires cancelled at random moments leave every slot free and the queue empty") {
            repeated("cancelled") { round ->
                val seed = round.seed
                val threadsBefore = threads()
                val connections = "cancelled-$seed"
                val url = "${stage.database.urlWithPassword()}&ApplicationName=$connections"
                val clients = List(3) { Numpool.open(url) { name = connections } }
                val facade = NumpoolAsync.open(url, NumpoolOptions.builder().name(connections).build())
                val pools = clients.map { it.pool("cancelled $seed", SLOTS) }
                val futures = facade.pool("cancelled $seed", SLOTS).get()
                val tally = Tally()
                coroutineScope {
                    repeat(WORKERS) { worker ->
                        val random = Random(seed + worker)
                        launch(Dispatchers.Default) {
                            repeat(EACH) {
                                when (worker % 5) {
                                    0 -> cancelFuture(futures, random, tally)
                                    1 -> interrupt(pools[worker % 3], random, tally)
                                    else -> cancelCoroutine(pools[worker % 3], random, tally)
                                }
                            }
                        }
                    }
                }
                println(tally)
                tally.cancelled.get() shouldBeGreaterThan TOTAL / 10
                tally.granted.get() shouldBeGreaterThan TOTAL / 500
                pools[0].awaitIdle()
                stage.count("numpool.lease") shouldBe 0
                stage.count("numpool.waiter") shouldBe 0
                val all = List(SLOTS) { pools[it % 3].acquire(timeout = PATIENCE) }
                all.map { it.index }.sorted() shouldBe List(SLOTS) { it }
                await("no coroutine to be left of the calls", { clients.maxOf { coroutines(engine(it)) } }) { it < FEW }
                await("no coroutine to be left of the futures", { coroutines(Futures) }) { it < FEW }
                facade.close()
                clients.forEach { it.close() }
                await("no connection", { stage.count("pg_stat_activity WHERE application_name = '$connections'") }) { it == 0 }
                await("no thread more", { threads() - threadsBefore }) { it.isEmpty() }
                await("no coroutine", { clients.sumOf { coroutines(engine(it)) } }) { it == 0 }
            }
        }
    })

private fun threads(): Set<String> =
    Thread
        .getAllStackTraces()
        .keys
        .map { it.name }
        .filter { "numpool" in it || "cancelled-" in it || it == "blocked" }
        .toSet()

private const val SLOTS = 40
private const val WORKERS = 200
private const val EACH = 500
private const val TOTAL = WORKERS * EACH

/** A client's parts, and a lane for each pool. */
private const val FEW = 20

private fun engine(client: Numpool): Any = field(client, "engine")

private fun coroutines(owner: Any): Int =
    (field(owner, "scope") as CoroutineScope)
        .coroutineContext.job.children
        .count()

private fun field(
    owner: Any,
    name: String,
): Any =
    owner.javaClass
        .getDeclaredField(name)
        .apply { isAccessible = true }
        .get(owner)

private class Tally {
    val granted = AtomicInteger()
    val cancelled = AtomicInteger()

    override fun toString() = "of $TOTAL acquires ${cancelled.get()} were cancelled, ${granted.get()} granted"
}

private suspend fun CoroutineScope.cancelCoroutine(
    pool: ResourcePool,
    random: Random,
    tally: Tally,
) {
    // not the value of an async: that drops it when it is cancelled between its last step and its end
    val granted = AtomicReference<Resource>()
    val call = launch { granted.set(if (random.nextBoolean()) pool.acquire() else pool.acquire(timeout = 1.hours)) }
    pause(random)
    call.cancelAndJoin()
    tally(granted.get() != null, tally)
    granted.get()?.close()
}

private suspend fun cancelFuture(
    pool: ResourcePoolAsync,
    random: Random,
    tally: Tally,
) {
    val call = pool.acquire()
    pause(random)
    val cancelled = call.cancel(true)
    tally(!cancelled, tally)
    if (!cancelled) call.join().close()
}

/** A thread that blocks until it has a slot, and is interrupted. */
private suspend fun interrupt(
    pool: ResourcePool,
    random: Random,
    tally: Tally,
) {
    val granted = AtomicReference<Resource>()
    val blocked =
        thread(name = "blocked") {
            try {
                runBlocking { granted.set(pool.acquire()) }
            } catch (_: InterruptedException) {
                return@thread
            }
        }
    pause(random)
    blocked.interrupt()
    runInterruptible(Dispatchers.IO) { blocked.join() }
    tally(granted.get() != null, tally)
    granted.get()?.close()
}

private fun tally(
    granted: Boolean,
    tally: Tally,
) {
    (if (granted) tally.granted else tally.cancelled).incrementAndGet()
}

/** Nothing, a few turns of the scheduler, about as long as a call takes, or as long as a place in the queue lasts. */
private suspend fun pause(random: Random) {
    when (random.nextInt(10)) {
        in 0..1 -> Unit
        in 2..5 -> repeat(random.nextInt(20)) { yield() }
        in 6..8 -> delay(random.nextInt(1, 30).milliseconds)
        else -> delay(random.nextInt(1, 200).milliseconds)
    }
}
