package io.numpool.fault

import io.kotest.matchers.collections.shouldContainAll
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.NumpoolListener
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourcePool
import io.numpool.internal.ServerEnd
import io.numpool.testkit.Event
import io.numpool.testkit.History
import io.numpool.testkit.HistoryChecker
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds

/**
 * Three clients of one database, which a test breaks meanwhile. In the pool [KEPT] each client has a slot for as long as the crowd stands,
 * and a waiter behind; in [PASSED] a few slots go from hand to hand. What all are told is written down, and judged when they part.
 */
internal class Crowd private constructor(
    private val database: TestDatabase,
    private val pace: Pace,
    private val random: Random,
    private val clients: List<Numpool>,
    private val scope: CoroutineScope,
) {
    enum class Fate { KEPT, LOST }

    private class Member(
        val client: Numpool,
        val kept: ResourcePool,
        val passed: ResourcePool,
    ) {
        val history: History = History.inMemory(client.name)
        val session = client.session

        /** Its listener's connection ended without a word of the server. */
        @Volatile var isUntold = false
            private set

        init {
            client.addListener(
                object : NumpoolListener {
                    override fun disconnected(cause: Throwable?) {
                        // a session that is lost says so without a cause
                        if (cause != null &&
                            ServerEnd.announcedBy(cause, "jdbc:postgresql://one") == ServerEnd.NOT_ANNOUNCED
                        ) {
                            isUntold = true
                        }
                    }
                },
            )
        }
    }

    private lateinit var members: List<Member>
    private lateinit var keepers: List<Deferred<Fate>>
    private lateinit var others: List<Job>
    private val histories = CopyOnWriteArrayList<History>()
    private val keeping = ConcurrentHashMap<Member, Resource>()
    private val passes = List(CLIENTS * PASSERS) { AtomicInteger() }
    private val parting = CompletableDeferred<Unit>()

    @Volatile private var past = Long.MIN_VALUE

    private suspend fun gather() {
        members = clients.map { member(it) }
        keepers = members.map { scope.async(Dispatchers.Default) { keep(it) } }
        awaited("everyone to hold a slot") { keeping.size == CLIENTS }
        val waiters = members.map { scope.launch(Dispatchers.Default) { pass(it, it.kept) } }
        awaited("everyone to wait") { database.query("SELECT count(*) FROM numpool.waiting WHERE pool = '$KEPT'") == "$CLIENTS" }
        others = waiters + passes.mapIndexed { i, count -> scope.launch(Dispatchers.Default) { passOn(members[i / PASSERS], count) } }
        awaitPassing()
    }

    private suspend fun keep(it: Member): Fate {
        val request = asked(it, KEPT)
        return try {
            it.kept.withResource { mine ->
                keeping[it] = mine
                if (!it.use(mine, request) { parting.isCompleted }) awaitCancellation()
            }
            Fate.KEPT
        } catch (e: ResourceLostException) {
            println("${it.client.name}: ${e.message}")
            Fate.LOST
        }
    }

    private suspend fun passOn(
        it: Member,
        count: AtomicInteger,
    ) {
        while (!parting.isCompleted) {
            pass(it, it.passed)
            count.incrementAndGet()
        }
    }

    private suspend fun pass(
        it: Member,
        pool: ResourcePool,
    ) {
        val request = asked(it, pool.id)
        pool.acquire().use { slot ->
            val until = System.nanoTime() + synchronized(random) { random.nextLong(HOLD_NANOS) }
            it.use(slot, request) { System.nanoTime() > until }
        }
    }

    /** Uses a slot for as long as it is wanted; answers false as soon as it is lost. */
    private suspend fun Member.use(
        slot: Resource,
        request: String,
        done: () -> Boolean,
    ): Boolean {
        history.granted(slot.pool, request, slot.index, slot.token)
        var last = System.nanoTime()
        var wanted = true
        try {
            while (true) {
                val now = System.nanoTime()
                if (!slot.isHeld) return false
                last = now
                wanted = !done()
                if (!wanted) return true
                delay(LOOK)
            }
        } finally {
            if (wanted) history.lost(slot.pool, slot.index, slot.token, last) else history.ended(slot.pool, slot.index, slot.token)
        }
    }

    private fun asked(
        it: Member,
        pool: String,
    ) = "${requests.incrementAndGet()}".also { request -> it.history.asked(pool, request) }

    /** Until everyone has passed on slots of [PASSED] after this was called. */
    suspend fun awaitPassing() {
        val before = passes.map { it.get() }
        awaited("everyone to pass on slots") { passes.indices.all { passes[it].get() >= before[it] + PASSES } }
    }

    /**
     * Everyone lives on under the session it had, and the database has every slot that a keeper was told of. A server that is to end at once
     * says nothing to those to whom it is just sending something: [exceptUntold], who then have a grace, as with a partition.
     */
    suspend fun assertKept(exceptUntold: Boolean = false) {
        delay(pace.grace + pace.tick * 2) // whoever is taken for dead is so by then
        val judged = members.indices.filterNot { exceptUntold && members[it].isUntold }
        if (judged.size < CLIENTS) println("${CLIENTS - judged.size} of $CLIENTS clients had no word of the server's end")
        judged.size shouldBeGreaterThan 0
        val fates = fates()
        judged.associateWith { fates[it] } shouldBe judged.associateWith { null }
        judged.map { clients[it].session } shouldBe judged.map { members[it].session }
        leases() shouldContainAll judged.map { keeping.getValue(members[it]) }.map { it.index to it.token }
    }

    /** No keeper has its slot any more, and every one has been told. */
    fun assertLost() = fates() shouldBe List(CLIENTS) { Fate.LOST }

    @OptIn(ExperimentalCoroutinesApi::class)
    private fun fates(): List<Fate?> = keepers.map { if (it.isCompleted) it.getCompleted() else null }

    private fun leases(): List<Pair<Int, Long>> =
        Sql(database).use { sql ->
            sql.rows("SELECT slot, token FROM numpool.holding WHERE pool = ?", KEPT) { it.getInt(1) to it.getLong(2) }
        }

    /**
     * What was asked for after one moment has higher tokens than all that was granted before another. Whoever had asked before may have been
     * granted a slot by then, and hear of it later.
     */
    fun assertTokensRose(
        before: Long,
        after: Long,
    ) {
        val events = events()
        val askedAfter = events.filter { it.kind == Event.Kind.ASKED && it.nanos > after }.map { it.process to it.request }.toSet()
        val grants = events.filter { it.kind == Event.Kind.GRANTED }
        for (pool in listOf(KEPT, PASSED)) {
            val highest = grants.filter { it.pool == pool && it.nanos < before }.maxOf { it.ticket }
            val later = grants.filter { it.pool == pool && (it.process to it.request) in askedAfter }
            later.forEach { check(it.ticket > highest) { "$it, after token $highest" } }
            if (pool == PASSED) later.size shouldBeGreaterThan 0
        }
    }

    /** Another client waits for a slot of [KEPT], and gives it back. */
    suspend fun passThrough(stranger: Numpool) = pass(member(stranger), stranger.pool(KEPT))

    private suspend fun member(client: Numpool) =
        Member(client, client.pool(KEPT, CLIENTS), client.pool(PASSED, SLOTS))
            .also { histories += it.history }

    /** What was granted until now may be lost, though it was told: only later grants are judged. */
    fun forgetPast() {
        past = System.nanoTime()
    }

    private fun events(): List<Event> {
        val all = History.merge(histories)
        val old = all.filter { it.kind == Event.Kind.GRANTED && it.nanos < past }.map { Triple(it.pool, it.slot, it.ticket) }.toSet()
        return all.filter { it.slot < 0 || Triple(it.pool, it.slot, it.ticket) !in old }
    }

    /** All is given back; nobody waits any more, nothing is left held; nothing was granted twice. */
    private suspend fun part() {
        parting.complete(Unit)
        withTimeout(PATIENCE) {
            keepers.awaitAll()
            others.joinAll()
        }
        for (pool in listOf(KEPT, PASSED)) awaited("every slot of '$pool' to be free") { database.isFree(pool) }
        val verdict =
            HistoryChecker
                .of(events())
                .handOver()
                .check()
                .assertClean()
        println(verdict)
    }

    companion object {
        const val KEPT = "kept"
        const val PASSED = "passed"
        private const val CLIENTS = 3
        private const val SLOTS = 2
        private const val PASSERS = 2
        private const val PASSES = 3
        private const val HOLD_NANOS = 60_000_000L
        private val LOOK = 10.milliseconds
        private val requests = AtomicLong()

        suspend fun on(
            database: TestDatabase,
            pace: Pace,
            random: Random,
            test: suspend Crowd.() -> Unit,
        ) {
            val clients = List(CLIENTS) { client("client $it", database.urlWithPassword(), pace) }
            try {
                coroutineScope {
                    Crowd(database, pace, random, clients, this).apply {
                        gather()
                        test()
                        part()
                    }
                }
            } finally {
                clients.forEach { it.shutdown() }
            }
        }

        suspend fun client(
            name: String,
            url: String,
            pace: Pace,
        ): Numpool =
            Numpool
                .open(url) {
                    this.name = name
                    openTimeout = PATIENCE
                    pace.set(this)
                }.also { it.awaitListening() }
    }
}
