package io.numpool.internal

import io.numpool.NumpoolClosedException
import io.numpool.NumpoolException
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.PoolSummary
import io.numpool.ResourceState
import io.numpool.internal.store.Caller
import io.numpool.internal.store.Evicted
import io.numpool.internal.store.Notice
import io.numpool.internal.store.PoolStore
import io.numpool.internal.store.StoreException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import org.slf4j.LoggerFactory
import java.sql.Connection
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/**
 * Owns the parts of a client and what they share. An acquire walks `PoolView -> Lane -> store` and back; a grant from elsewhere
 * `GrantListener -> Router -> Lane`; nothing else knows both sides.
 */
internal class Engine(
    val options: NumpoolOptions,
    val bridge: JdbcBridge,
    val store: PoolStore,
    private val errors: StoreErrors,
) {
    private val log = LoggerFactory.getLogger(Engine::class.java)
    private val lanes = ConcurrentHashMap<Int, Lane>()
    private val unblockedNanos = AtomicLong(System.nanoTime())
    private val pump = Pump(this)
    private val incarnation = AtomicReference<UUID?>()

    /** An order of this session may still be on its way. */
    private val doubtful = AtomicReference<Session?>()

    val hooks = Hooks(options.listeners)
    val counters = Counters()
    val scope = CoroutineScope(SupervisorJob() + CoroutineName("numpool ${options.name}"))
    val sessions = SessionKeeper(this)
    val router = Router(this)
    val pollNanos = options.pollInterval.toNanos()

    @Volatile var listener: GrantListener? = null
        private set

    @Volatile var isClosed = false
        private set

    /** Runs [sessions]. */
    @Volatile private var keeper: Job? = null
    private val listening = Mutex()

    /** What became of releases that no call carried any more: the end of the session gives everything back, if it comes through. */
    @Volatile var outcomeAtEnd = ResourceState.LOST
        private set

    val mode: NumpoolMode get() = if (isClosed) NumpoolMode.CLOSED else listener?.mode ?: NumpoolMode.POLL_ONLY

    /** Calls that take too long are ended from now on. */
    fun watch() {
        scope.launchLogged("watch") { bridge.watch() }
    }

    fun start() {
        keeper = scope.launchLogged("session") { sessions.run(this) }
        scope.launchLogged("pump") { pump.run() }
        scope.launchLogged("reaper") { Reaper(this@Engine, options.reaperTick.toMillis()).run() }
        scope.launchLogged("lookout") { Lookout(this@Engine).run() }
    }

    /** Does nothing when there is a listener. */
    suspend fun listen(make: () -> GrantListener) {
        val it =
            listening.withLock {
                checkOpen()
                listener ?: make().also { listener = it }
            }
        sessions.current?.let { session -> it.follow(session) }
        withTimeoutOrNull(options.openTimeout.toMillis()) { it.awaitMode() }
    }

    // --- lanes

    fun lane(number: Int): Lane? = lanes[number]

    fun lane(
        pool: PoolRef,
        hooks: Hooks,
    ): Lane =
        lanes.computeIfAbsent(pool.number) {
            Lane(pool, hooks, this).also { lane -> scope.launchLogged("lane of pool '${pool.id}'") { lane.run() } }
        }

    fun lanesInUse(): List<Int> = lanes.keys.snapshot()

    /** Of the pools that users name, not of their locks. */
    fun uses(): List<LaneUse> = lanes.values.filter { it.pool.guards == null && !it.use.isOver }.map { it.use }

    fun heard(pools: List<PoolSummary>) {
        val byId = pools.associateBy { it.id }
        for (use in uses()) byId[use.pool]?.let { use.heard(it.capacity, it.held, it.waiting) }
    }

    fun dropLane(lane: Lane) {
        lanes.remove(lane.pool.number, lane)
    }

    /** The pool is deleted: for its slots and for its lock. */
    fun gone(number: Int) = lanes.values.forEach { if (it.pool.number == number || it.pool.guards == number) it.gone() }

    fun wakeLanes() = lanes.values.forEach { it.wake() }

    fun unreachable(cause: StoreException) = lanes.values.forEach { it.unreachable(cause) }

    fun reread() = lanes.values.forEach { it.reread() }

    /** Every answer says in which life of the server it was given. In another one, what nobody waited for may be undone. */
    fun answeredIn(life: UUID) {
        val before = incarnation.getAndSet(life)
        if (before == null || before == life) return
        log.info("The server of '{}' has begun another life: what is held is compared with what it knows", options.name)
        lanes.values.forEach { it.compareAll() }
    }

    // --- what parts ask of each other

    fun after(
        time: Duration,
        then: () -> Unit,
    ): Job =
        scope.launch {
            delay(time)
            then()
        }

    /** Grants to this session go straight to their lanes, others to the pump. */
    fun announce(
        pool: Int,
        notices: List<Notice>,
    ) {
        val self = sessions.current?.id
        for (it in notices) {
            if (it.session() == self) {
                lane(pool)?.granted(it.ticket(), it.slot())
            } else {
                counters.grantsToOthers.increment()
                pump.granted(pool, it)
            }
        }
    }

    fun announceDeleted(
        pool: Int,
        to: List<Long>,
    ) = to.forEach { pump.deleted(pool, it) }

    fun announceEvicted(orders: List<Evicted>) {
        val self = sessions.current
        for (it in orders) if (it.session() == self?.id) self.evict(it) else pump.evicted(it)
    }

    /** Repairs the pools of a dead session, one at a time, and removes its rows when all are done. */
    suspend fun bury(
        session: Long,
        pools: List<Int>,
    ) {
        val repaired = pools.map { repair(session, it) } // all of them, whatever becomes of one
        if (repaired.all { it }) bridge.run { store.forget(it, session) }
    }

    private suspend fun repair(
        session: Long,
        pool: Int,
    ): Boolean =
        try {
            val it = bridge.run { store.repair(it, session, pool) }
            announce(pool, it.notices())
            if (it.freed() > 0) hooks.reclaimed(session, it.freed())
            it.done()
        } catch (e: StoreException) {
            if (e.kind() == StoreException.Kind.BUSY) unblock()
            log.debug("Pool {} could not be repaired; the next tick tries again", pool, e)
            false
        }

    /** A lock was not to be had: maybe somebody froze while holding it. At most once a grace. */
    suspend fun unblock() {
        val grace = options.detachGrace
        val last = unblockedNanos.get()
        val now = System.nanoTime()
        if (now - last < grace.toNanos() || !unblockedNanos.compareAndSet(last, now)) return
        try {
            val ended = bridge.run { store.unblock(it, grace.toMillis().toInt()) }
            if (ended > 0) log.warn("Terminated {} connections that held locks of numpool while they waited for their clients", ended)
        } catch (e: StoreException) {
            log.debug("Could not look for who holds the locks", e)
        }
    }

    fun unavailable(
        what: String,
        cause: StoreException,
    ): NumpoolException = errors.unavailable(what, cause)

    fun translated(
        what: String,
        cause: StoreException,
    ): NumpoolException = errors.translated(what, cause)

    /** A call that is safe to send again, until it is answered or [within] is over. What [special] says of a refusal is thrown. */
    suspend fun <T> persistently(
        what: String,
        within: Duration,
        special: (StoreException.Kind) -> NumpoolException? = { null },
        call: (Connection) -> T,
    ): T = until(what, within, special, attempt = { bridge.run(call) })

    private suspend fun <T> until(
        what: String,
        within: Duration,
        special: (StoreException.Kind) -> RuntimeException?,
        givenUp: () -> Unit = {},
        attempt: suspend () -> T,
    ): T {
        var last: StoreException? = null
        val answer =
            withTimeoutOrNull(within) {
                val backoff = Backoff()
                var reached: Answer<T>? = null
                while (reached == null) {
                    checkOpen()
                    // apart, so that a DataSource that blocks does not outlast the caller's time
                    val asking = scope.async { attempt() }
                    try {
                        reached = Answer(asking.await())
                    } catch (e: CancellationException) {
                        currentCoroutineContext().ensureActive()
                        checkOpen() // the scope was cancelled, not the caller
                        throw e
                    } catch (e: StoreException) {
                        if (!e.kind().mayPass()) throw special(e.kind()) ?: errors.refused(what, e)
                        last = e
                        backoff.pause()
                    } finally {
                        if (!asking.isCompleted) givenUp()
                        asking.cancel() // it may not be sent yet
                    }
                }
                reached
            }
        if (answer != null) return answer.value
        throw last?.let { unavailable(what, it) } ?: errors.unanswered(what, options.openTimeout.toKotlinDuration())
    }

    /**
     * A call that changes something, made in the name of the session: until it is answered, or `openTimeout` is over. After an unknown
     * outcome, of this call or of one that was given up, the epoch is raised first: what may still be on its way does nothing later.
     */
    suspend fun <T> order(
        what: String,
        special: (StoreException.Kind) -> RuntimeException? = { null },
        call: (Connection, Caller) -> T,
    ): T =
        until(what, options.openTimeout.toKotlinDuration(), special, givenUp = { doubtful.set(sessions.current) }) {
            val mine = sessions.awaitLive()
            try {
                if (doubtful.get() === mine) {
                    sessions.raiseEpoch(mine, mine.epoch)
                    doubtful.compareAndSet(mine, null)
                }
                val caller = Caller(mine.id, mine.epoch) // however late it is sent
                bridge.run { call(it, caller) }
            } catch (e: StoreException) {
                when (e.kind()) {
                    StoreException.Kind.UNKNOWN -> {
                        doubtful.set(mine)
                    }

                    StoreException.Kind.DEAD -> {
                        sessions.lose(mine, "the database declared its session dead")
                    }

                    StoreException.Kind.OLD_EPOCH -> {}

                    else -> {
                        throw e
                    }
                }
                throw StoreException(StoreException.Kind.UNKNOWN, e)
            }
        }

    private class Answer<T>(
        val value: T,
    )

    /** Something that blocks and takes its connections from elsewhere. */
    suspend fun offload(
        what: String,
        task: () -> Unit,
    ) = try {
        bridge.offload(task)
    } catch (e: StoreException) {
        throw translated(what, e)
    }

    fun checkOpen() {
        if (isClosed) throw NumpoolClosedException("numpool '${options.name}'")
    }

    // --- the end

    /** Ends the session: no call is in flight after it, and what it held is granted on. Not to be cancelled. */
    suspend fun close(views: List<PoolView>) {
        listening.withLock {
            if (isClosed) return
            isClosed = true
        }
        try {
            views.forEach { it.end(NumpoolClosedException("numpool '${options.name}'")) }
            withTimeoutOrNull(options.closeTimeout.toMillis()) { views.forEach { it.joinBlocks() } }
            stopKeeper()
            sessions.current?.let { endInTime(it) }
        } finally {
            scope.cancel()
            bridge.abortCalls()
            listener?.close()
            withTimeoutOrNull(JOIN_MILLIS) {
                scope.coroutineContext.job.join()
                while (bridge.isStuck) delay(STUCK_LOOK_MILLIS)
            } ?: log.warn("A call of '{}' is stuck in its DataSource; its thread ends when that lets go", options.name)
            hooks.closed()
        }
    }

    /** A session that it is about to open is there to be ended then. */
    private suspend fun stopKeeper() {
        val it = keeper ?: return
        it.cancel()
        withTimeoutOrNull(JOIN_MILLIS) { it.join() }
    }

    private suspend fun endInTime(session: Session) {
        val held = session.heldNow()
        held.forEach { it.giveUp() }
        val ending = scope.async { end(session) }
        if (withTimeoutOrNull(options.closeTimeout.toMillis()) { ending.await() } == true) {
            outcomeAtEnd = ResourceState.RELEASED
        } else {
            log.warn("Session {} could not be ended in time: others will reclaim what it held", session.id)
            bridge.abortCalls()
        }
        held.forEach { it.outcome.complete(outcomeAtEnd) }
    }

    private suspend fun end(session: Session): Boolean {
        val backoff = Backoff()
        while (true) {
            try {
                val pools = bridge.run { store.endSession(it, session.id) }
                sessions.end(session, "the client is closed", releases = ResourceState.RELEASED)
                pools.forEach { repairOwn(session, it) }
                bridge.run { store.forget(it, session.id) }
                return true
            } catch (e: StoreException) {
                log.debug("Session {} could not be ended yet", session.id, e)
                if (!e.kind().mayPass()) return false
                backoff.pause()
            }
        }
    }

    /** A reaper that came first may be at it: then until it is done. */
    private suspend fun repairOwn(
        session: Session,
        pool: Int,
    ) {
        val backoff = Backoff()
        while (true) {
            val repaired = bridge.run { store.repair(it, session.id, pool) }
            pump.sendNow(pool, repaired.notices())
            if (repaired.done()) return
            backoff.pause()
        }
    }

    private companion object {
        const val JOIN_MILLIS = 2_000L
        const val STUCK_LOOK_MILLIS = 5L
    }
}
