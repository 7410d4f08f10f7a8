package io.numpool.property

import com.zaxxer.hikari.HikariDataSource
import io.numpool.NumpoolException
import io.numpool.Resource
import io.numpool.ResourcePool
import io.numpool.fault.listenerPids
import io.numpool.fault.terminate
import io.numpool.testkit.Await
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.time.Duration
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import kotlin.time.Duration.Companion.INFINITE
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds

/** Runs programs one after another, with clients that live on from one to the next unless they crash. */
internal class Arena(
    private val name: String,
    private val database: TestDatabase,
    private val ledger: Ledger,
    private val connections: HikariDataSource,
) {
    private val clients = HashMap<Int, Crashable>()
    private var made = 0
    private var programs = 0

    /** What is to be seen in the run as a whole. */
    class Seen {
        var programs = 0
        var grants = 0
        var waited = 0
        var together = 0
        var evicted = 0
        var cancelledAfterGrant = 0
        var reclaimed = 0

        operator fun plusAssign(other: Seen) {
            programs += other.programs
            grants += other.grants
            waited += other.waited
            together += other.together
            evicted += other.evicted
            cancelledAfterGrant += other.cancelledAfterGrant
            reclaimed += other.reclaimed
        }

        override fun toString() =
            "$programs programs, $grants grants: $waited waited, $together were of several slots, " +
                "$cancelledAfterGrant were cancelled after their grant, $evicted were evicted, $reclaimed were reclaimed"
    }

    val seen = Seen()

    suspend fun run(program: Program) {
        try {
            judge(Run(program, "$name program ${programs++}"))
        } catch (e: Throwable) {
            clients.values.forEach { it.crash() } // they may be what is broken
            clients.clear()
            throw e
        }
    }

    suspend fun close() = clients.values.forEach { it.close() }

    private suspend fun client(number: Int): Crashable =
        clients[number]?.takeIf { !it.isCrashed }
            ?: Crashable.open("$name-$number-${made++}", database, connections).also { clients[number] = it }

    private suspend fun judge(run: Run) {
        val players = List(Program.CLIENTS) { client(it) }
        run.play(players)
        withContext(Dispatchers.IO) {
            Await.value("no slot is held and nobody waits any more", PATIENCE, { left(run.pool) }) { it == "" }
            val entries = ledger.entries(run.pool)
            val served = players.flatMap { it.served(run.pool) }
            val wrong = ledger.judge(entries) + ledger.judge(entries, served) + ledger.violations()
            check(wrong.isEmpty()) { "${run.pool}:\n" + wrong.joinToString("\n") + "\n" + entries.joinToString("\n") }
            players.forEachIndexed { i, it -> it.noteUntold(run.pool, run.delivered, run.histories[i]) }
            val verdict =
                HistoryChecker
                    .of(History.merge(run.histories))
                    .idleBound(IDLE)
                    .handOver()
                    .check()
            check(verdict.violations().isEmpty()) {
                (listOf("${run.pool}: $verdict") + entries + players.flatMap { it.says(run.pool) }.sorted()).joinToString("\n")
            }
            count(entries, run)
        }
    }

    /** Empty when all is back. */
    private fun left(pool: String): String =
        database.query(
            "SELECT coalesce(string_agg(x, '; '), '') FROM (" +
                "SELECT 'slot ' || slot || ' token ' || token || ' session ' || session_id AS x " +
                "FROM numpool.holding WHERE pool = '$pool' " +
                "UNION ALL " +
                "SELECT 'ticket ' || ticket || ' session ' || session_id " +
                "FROM numpool.waiting WHERE pool = '$pool') y",
        )

    private fun count(
        entries: List<Ledger.Entry>,
        run: Run,
    ) {
        seen.programs++
        seen.grants += entries.count { it.kind == "grant" }
        seen.waited += entries.count { it.kind == "queue" }
        seen.together += entries.filter { it.kind == "grant" }.groupBy { it.request }.count { it.value.size > 1 }
        seen.evicted += run.evicted.get()
        seen.cancelledAfterGrant += entries.count { it.kind == "free" && it.alive && it.ticket !in run.delivered }
        seen.reclaimed += entries.count { it.kind == "free" && !it.alive }
    }

    /** One program on one pool. */
    private inner class Run(
        private val program: Program,
        val pool: String,
    ) {
        val histories = List(Program.CLIENTS) { History.inMemory("client $it of $pool") }
        val delivered: MutableSet<Long> = ConcurrentHashMap.newKeySet()
        val evicted = AtomicInteger()
        private val running: MutableSet<Step> = ConcurrentHashMap.newKeySet()
        private val jobs = List(Program.CLIENTS) { ConcurrentHashMap.newKeySet<Job>() }

        suspend fun play(players: List<Crashable>) {
            val pools = players.mapIndexed { i, it -> if (i == 0) it.numpool.pool(pool, program.capacity) else it.numpool.pool(pool) }
            val done =
                withTimeoutOrNull(PATIENCE.toMillis()) {
                    coroutineScope {
                        for (step in program.steps) {
                            if (step.gapMillis > 0) delay(step.gapMillis)
                            if (players[step.client].isCrashed) continue
                            val job = launch(Dispatchers.Default) { step(step, players[step.client], pools[step.client]) }
                            if (step !is Step.Break) jobs[step.client] += job
                        }
                    }
                }
            players.forEach { it.unbreak() }
            checkNotNull(done) { "$pool: stuck: $running; in the database: ${left(pool)}" }
        }

        private suspend fun step(
            step: Step,
            player: Crashable,
            pool: ResourcePool,
        ) {
            running += step
            try {
                when (step) {
                    is Step.Acquire -> acquire(step, player, pool)
                    is Step.Attempt -> attempt(step, player, pool)
                    is Step.Resize -> pool.resize(step.capacity)
                    is Step.Evict -> evict(step, pool)
                    is Step.Break -> breakIt(step, player)
                }
            } catch (e: NumpoolException) {
                return // timed out, or the database was away
            } finally {
                if (currentCoroutineContext().isActive) running -= step
            }
        }

        private suspend fun evict(
            step: Step.Evict,
            pool: ResourcePool,
        ) {
            try {
                if (pool.evict(step.slot)) evicted.incrementAndGet()
            } catch (e: IllegalArgumentException) {
                return // the pool has fewer slots
            }
        }

        private suspend fun attempt(
            step: Step.Attempt,
            player: Crashable,
            pool: ResourcePool,
        ) {
            val got =
                asked(player, step.client, step.slots) {
                    if (it ==
                        1
                    ) {
                        listOfNotNull(pool.tryAcquire())
                    } else {
                        pool.tryAcquire(it).orEmpty()
                    }
                }
            use(got, step.holdMillis, player, step.client)
        }

        private suspend fun acquire(
            step: Step.Acquire,
            player: Crashable,
            pool: ResourcePool,
        ): Unit =
            coroutineScope {
                val job =
                    launch {
                        val timeout = step.timeoutMillis?.milliseconds ?: INFINITE
                        val got =
                            asked(player, step.client, step.slots) {
                                if (it == 1) listOf(pool.acquire(timeout)) else pool.acquire(it, timeout)
                            }
                        use(got, step.holdMillis, player, step.client)
                    }
                step.cancelAfterMicros?.let {
                    delay(it.microseconds)
                    job.cancel()
                }
            }

        /** Slots that are asked for together are requests one after another: that is how their tickets lie. */
        private suspend fun asked(
            player: Crashable,
            client: Int,
            slots: Int,
            acquire: suspend (Int) -> List<Resource>,
        ): List<Resource> {
            val asked = List(slots) { "${requests.incrementAndGet()}" }
            player.unlessCrashed { asked.forEach { histories[client].asked(pool, it) } }
            var got = emptyList<Resource>()
            try {
                got = acquire(slots)
                got.forEachIndexed { i, it ->
                    delivered += it.token
                    player.unlessCrashed { histories[client].granted(pool, asked[i], it.index, it.token) }
                }
                return got
            } finally {
                if (got.isEmpty()) player.unlessCrashed { asked.forEach { histories[client].left(pool, it) } }
            }
        }

        private suspend fun use(
            slots: List<Resource>,
            holdMillis: Long,
            player: Crashable,
            client: Int,
        ) = coroutineScope {
            for (it in slots) launch(start = CoroutineStart.UNDISPATCHED) { use(it, holdMillis, player, client) }
        }

        /** Uses a slot for as long as it says that it is held, at most so long. */
        private suspend fun use(
            it: Resource,
            holdMillis: Long,
            player: Crashable,
            client: Int,
        ) {
            val until = System.nanoTime() + holdMillis * 1_000_000
            var last = System.nanoTime()
            try {
                while (true) {
                    val now = System.nanoTime()
                    if (!it.isHeld) {
                        player.unlessCrashed { histories[client].lost(pool, it.index, it.token, last) }
                        return
                    }
                    last = now
                    if (now >= until) break
                    delay(1.milliseconds)
                }
                player.unlessCrashed { histories[client].ended(pool, it.index, it.token) }
            } catch (e: CancellationException) {
                player.unlessCrashed { histories[client].lost(pool, it.index, it.token, last) }
                throw e
            } finally {
                if (!player.isCrashed) it.close()
            }
        }

        private suspend fun breakIt(
            step: Step.Break,
            player: Crashable,
        ) {
            when (step.fault) {
                Fault.CRASH -> {
                    player.crash { histories[step.client].killed("client ${step.client} of $pool") }
                    jobs[step.client].forEach { it.cancel() }
                }

                Fault.CUT_OFF -> {
                    player.cutOff(step.millis)
                }

                Fault.LISTENER_TERMINATED -> {
                    withContext(Dispatchers.IO) { database.terminate(database.listenerPids(player.name)) }
                }

                Fault.ANSWER_LOST -> {
                    player.store.loseNextAnswer()
                }

                Fault.CALL_LOST -> {
                    player.store.loseNextCall()
                }

                Fault.CALL_LATE -> {
                    player.delayCall(step.millis)
                }
            }
        }
    }

    private companion object {
        val PATIENCE: Duration = Duration.ofSeconds(25)

        /** The ledger sees at every commit that no slot is idle; this is for the way to the holder. */
        val IDLE: Duration = Duration.ofSeconds(20)
        val requests = AtomicLong()
    }
}
