package io.numpool.property

import io.numpool.Numpool
import io.numpool.NumpoolListener
import io.numpool.NumpoolMode
import io.numpool.fault.FaultyDataSource
import io.numpool.fault.PATIENCE
import io.numpool.fault.awaitListening
import io.numpool.testkit.History
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.GlobalScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import java.time.Duration
import java.time.Instant
import java.time.temporal.ChronoUnit
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue
import javax.sql.DataSource
import kotlin.time.Duration.Companion.milliseconds

/** A client that can die without a word. */
internal class Crashable private constructor(
    val name: String,
    val numpool: Numpool,
    val store: FaultyDataSource,
    private val listener: FaultyDataSource,
    private val heard: Heard,
) {
    private val lock = Any()

    @Volatile var isCrashed = false
        private set

    /** What a crashed process would have recorded after its death is not recorded. */
    fun unlessCrashed(record: () -> Unit) = synchronized(lock) { if (!isCrashed) record() }

    /** Its connections break at once, and nobody tells the database. */
    @OptIn(DelicateCoroutinesApi::class)
    fun crash(record: () -> Unit = {}) {
        synchronized(lock) {
            if (isCrashed) return
            isCrashed = true
            heard.isSilent = true
            record()
        }
        listener.cut()
        store.cut()
        GlobalScope.launch(Dispatchers.IO) { numpool.shutdown() } // only its coroutines: it can tell nobody
    }

    /** What it says of a pool, with the moments; a caller may hear of its slot later, when the machine is busy. */
    fun says(pool: String): List<String> = heard.lines.filter { (of, _) -> of == pool }.map { (_, line) -> line }

    /** What it had for a while although nobody was told: who had asked was gone when it came. */
    fun noteUntold(
        pool: String,
        told: Set<Long>,
        history: History,
    ) = heard.uses.values
        .filter { it.pool == pool && it.token !in told }
        .forEach { it.note(history) }

    /** What it served, and when. */
    fun served(pool: String): List<Ledger.Served> =
        heard.uses.values
            .filter { it.pool == pool }
            .map { Ledger.Served(it.token, it.atMicros) }

    suspend fun cutOff(millis: Long) {
        listener.cut()
        store.cut()
        delay(millis)
        if (!isCrashed) unbreak()
    }

    suspend fun delayCall(millis: Long) {
        val call = store.delayNextCall()
        delay(millis)
        call.arriveSometime()
    }

    /** Ready for the next program. */
    fun unbreak() {
        if (isCrashed) return
        listener.mend()
        store.mend()
        store.spareCalls()
    }

    suspend fun close() {
        if (!isCrashed) numpool.shutdown()
    }

    companion object {
        private val GRACE = 500.milliseconds

        suspend fun open(
            name: String,
            database: TestDatabase,
            connections: DataSource,
        ): Crashable {
            val store = FaultyDataSource(connections)
            val listening = FaultyDataSource(database.dataSource())
            val heard = Heard(name)
            val numpool =
                Numpool.open(store) {
                    listen(heard)
                    openTimeout = PATIENCE
                    this.name = name
                    migrate = false
                    listener(listening)
                    sessionTtl = GRACE * 3
                    detachGrace = GRACE
                    reaperTick = 200.milliseconds
                    pollInterval = 500.milliseconds
                    closeTimeout = 2_000.milliseconds
                }
            if (numpool.mode != NumpoolMode.LISTENING) numpool.awaitListening()
            return Crashable(name, numpool, store, listening, heard)
        }
    }
}

private class Heard(
    private val client: String,
) : NumpoolListener {
    val lines = ConcurrentLinkedQueue<Pair<String, String>>()
    val uses = ConcurrentHashMap<Pair<String, Long>, Use>()

    /** The dead don't hear. */
    @Volatile var isSilent = false

    class Use(
        val pool: String,
        private val index: Int,
        val token: Long,
    ) {
        private val since = System.nanoTime()
        val atMicros = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now())

        @Volatile private var released = 0L

        @Volatile private var lost = 0L

        fun released() {
            released = System.nanoTime()
        }

        fun lost() {
            lost = System.nanoTime()
        }

        fun note(history: History) {
            history.granted(pool, "untold $token", index, token, since)
            if (released != 0L) history.ended(pool, index, token, released)
            if (lost != 0L) history.lost(pool, index, token, lost)
        }
    }

    override fun acquired(
        pool: String,
        index: Int,
        token: Long,
        waited: Duration,
    ) {
        if (!isSilent) uses[pool to token] = Use(pool, index, token)
        note(pool, "has slot $index under $token")
    }

    override fun released(
        pool: String,
        index: Int,
        token: Long,
        held: Duration,
    ) {
        if (!isSilent) uses[pool to token]?.released()
        note(pool, "gives slot $index back, of $token")
    }

    override fun lost(
        pool: String,
        index: Int,
        token: Long,
        reason: String,
    ) {
        if (!isSilent) uses[pool to token]?.lost()
        note(pool, "loses slot $index under $token: $reason")
    }

    override fun queued(
        pool: String,
        ticket: Long,
    ) = note(pool, "waits with ticket $ticket")

    private fun note(
        pool: String,
        what: String,
    ) {
        lines += pool to "${System.nanoTime()} $client $what"
    }
}
