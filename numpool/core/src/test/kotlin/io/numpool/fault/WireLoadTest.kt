package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.concurrency.TestExecutionMode
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.numpool.NumpoolException
import io.numpool.Resource
import io.numpool.ResourcePool
import io.numpool.property.Ledger
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.LateStatement
import io.numpool.testkit.TestPostgres
import io.numpool.testkit.WireDirection
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import java.util.concurrent.atomic.AtomicInteger
import kotlin.random.Random
import kotlin.time.Duration.Companion.INFINITE
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.toJavaDuration

/** Connections are cut, reset and delayed at random moments, under the load of three clients. */
class WireLoadTest :
    FunSpec({
        testExecutionMode = TestExecutionMode.LimitedConcurrency(3) // each on a database of its own

        for (faults in Weather.entries) {
            test("$faults: nothing is granted twice, nobody is stuck, all is free at the end") {
                repeated(testCase.name.name, AT_A_TIME) { round ->
                    TestPostgres.shared().newDatabase().use { database ->
                        val ledger = Ledger(database)
                        val id = "load"
                        database.bystander().use { it.pool(id, SLOTS) }
                        val clients = List(2 + round.random.nextInt(2)) { database.wired("client $it", round.source(it)) }
                        val load = Load(id, clients, round.random)
                        try {
                            load.run(faults)
                        } finally {
                            withContext(Dispatchers.IO) { clients.forEach { it.close() } }
                        }
                        awaited("nothing is left of '$id'") { database.isFree(id) }
                        ledger.violations().shouldBeEmpty()
                        ledger.judge(ledger.entries(id)).shouldBeEmpty()
                        val verdict =
                            HistoryChecker
                                .of(History.merge(load.histories))
                                .idleBound(IDLE.toJavaDuration())
                                .reclaimBound(IDLE.toJavaDuration())
                                .handOver()
                                .check()
                                .assertClean()
                        println("${load.faults} faults; $verdict; ${load.lost} resources lost, ${load.unanswered} calls unanswered")
                        verdict.grants() shouldBeGreaterThan 0
                    }
                }
            }
        }
    })

private const val SLOTS = 2
private const val WORKERS = 4

/** The ledger sees at every commit that no slot is idle; this is for the way to the holder, over broken connections. */
private val IDLE = 60.seconds

private val STUCK = 3.minutes

/** What goes wrong. */
private enum class Weather(
    private val text: String,
    val kinds: List<suspend Storm.() -> Unit>,
) {
    CUT("connections are cut", listOf({ wire.cut() })),
    RESET("connections are reset", listOf({ wire.reset() })),
    DELAY("connections are slow", listOf({ slow() })),
    LOST("calls are lost, before and after they are made, and some come late", listOf({ loseCall() })),
    ALL(
        "everything at once",
        listOf({ wire.cut() }, { wire.reset() }, { slow() }, { loseCall() }, { loseCall() }, { wire.forget() }, { hole() }),
    ),
    ;

    override fun toString(): String = text
}

/** Faults of one client's wires. */
private class Storm(
    private val client: Wired,
    private val random: Random,
) {
    private val late = mutableListOf<LateStatement>()

    /** Another each time. */
    val wire: WireProxy get() = if (random.nextInt(3) == 0) client.listener else client.calls

    suspend fun slow() {
        val slow = wire
        slow.delay(WireDirection.entries.random(random), random.nextInt(1, 100).milliseconds.toJavaDuration())
        delay(random.nextLong(50, 500))
        slow.resume()
    }

    suspend fun hole() {
        val dark = wire
        if (random.nextBoolean()) dark.swallow() else dark.swallow(WireDirection.entries.random(random))
        delay(random.nextLong(50, 2_000))
        if (random.nextInt(3) == 0) dark.forget()
        dark.resume()
    }

    suspend fun loseCall() {
        val call = CALLS.random(random)
        when (random.nextInt(4)) {
            0 -> client.calls.cutBefore(call)
            1 -> client.calls.cutAfter(call)
            2 -> client.calls.cutInAnswer(call, random.nextInt(1, 6))
            3 -> late += client.calls.hold(call)
        }
        delay(random.nextLong(50))
        late.filter { it.held().isDone && random.nextBoolean() }.forEach { it.deliver() }
    }

    private companion object {
        val CALLS = listOf("\"exchange\"", "\"exchange\"", "\"raise_epoch\"", "\"renew\"", "\"poll\"", "\"open_session\"", "\"announce\"")
    }
}

/** Workers of several clients, and what befalls them. */
private class Load(
    private val pool: String,
    private val clients: List<Wired>,
    private val random: Random,
) {
    val histories = clients.indices.map { History.inMemory("client $it of $pool") }
    val lost = AtomicInteger()
    val unanswered = AtomicInteger()
    var faults = 0
        private set
    private val requests = AtomicInteger()

    suspend fun run(weather: Weather) {
        val pools = clients.map { it.client.pool(pool) }
        withTimeout(STUCK) {
            coroutineScope {
                val workers =
                    List(WORKERS * clients.size) {
                        val luck = Random(random.nextLong())
                        launch(Dispatchers.Default) {
                            val until = System.nanoTime() + LASTS.inWholeNanoseconds
                            while (System.nanoTime() - until < 0) step(it % clients.size, pools[it % clients.size], luck)
                        }
                    }
                val storms = clients.map { Storm(it, random) }
                val until = System.nanoTime() + LASTS.inWholeNanoseconds
                while (System.nanoTime() - until < 0) {
                    delay(random.nextLong(50, 400))
                    weather.kinds.random(random)(storms.random(random))
                    faults++
                }
                workers.joinAll()
            }
        }
    }

    private suspend fun step(
        client: Int,
        pool: ResourcePool,
        luck: Random,
    ) {
        try {
            when (luck.nextInt(6)) {
                0 -> asked(client) { pool.tryAcquire() }?.let { use(it, client, luck) }
                1 -> cancelled(client, pool, luck)
                2 -> asked(client) { pool.acquire(luck.nextLong(1, 200).milliseconds) }?.let { use(it, client, luck) }
                else -> asked(client) { pool.acquire(INFINITE) }?.let { use(it, client, luck) }
            }
        } catch (e: NumpoolException) {
            unanswered.incrementAndGet() // its time was up, or the database was away
        }
    }

    private suspend fun cancelled(
        client: Int,
        pool: ResourcePool,
        luck: Random,
    ) = coroutineScope {
        val job = launch { asked(client) { pool.acquire() }?.let { use(it, client, luck) } }
        delay(luck.nextLong(30))
        job.cancel()
    }

    private suspend fun asked(
        client: Int,
        acquire: suspend () -> Resource?,
    ): Resource? {
        val request = "${requests.incrementAndGet()}"
        var got: Resource? = null
        histories[client].asked(pool, request)
        try {
            got = acquire()
            got?.let { histories[client].granted(pool, request, it.index, it.token) }
            return got
        } finally {
            if (got == null) histories[client].left(pool, request)
        }
    }

    /** Uses a slot for as long as it says that it is held, for some milliseconds. */
    private suspend fun use(
        it: Resource,
        client: Int,
        luck: Random,
    ) {
        val until = System.nanoTime() + luck.nextLong(1, 8) * 1_000_000
        var last = System.nanoTime()
        try {
            do {
                val now = System.nanoTime()
                if (!it.isHeld) {
                    lost.incrementAndGet()
                    histories[client].lost(pool, it.index, it.token, last)
                    return
                }
                last = now
                delay(1.milliseconds)
            } while (now < until)
            histories[client].ended(pool, it.index, it.token)
        } catch (e: CancellationException) {
            histories[client].lost(pool, it.index, it.token, last)
            throw e
        } finally {
            it.close()
        }
    }

    private companion object {
        val LASTS = 5.seconds
    }
}
