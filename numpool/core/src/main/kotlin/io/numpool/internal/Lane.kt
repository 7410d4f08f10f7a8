package io.numpool.internal

import io.numpool.AcquireTimeoutException
import io.numpool.NumpoolClosedException
import io.numpool.PoolDeletedException
import io.numpool.ResourceState
import io.numpool.StaleTokenException
import io.numpool.internal.store.ExchangeCall
import io.numpool.internal.store.Polled
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.onTimeout
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.yield
import org.postgresql.util.PSQLException
import org.slf4j.LoggerFactory
import java.sql.Connection
import java.sql.SQLException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/** A pool as its lane knows it. */
internal class PoolRef(
    val number: Int,
    val id: String,
    /** The pool whose lock this is; null when it is one that users name. */
    val guards: Int? = null,
)

/**
 * One pool's calls, in order. Whatever happens to the pool in this process comes in through the inbox; one coroutine takes all that is
 * there, sends it in one `exchange`, hands out the answer, and takes the next. One call is in flight at a time; what arrives meanwhile goes
 * into the next, and a notice of a ticket that is not known yet waits for the answer.
 *
 * What is below "confined" is touched by the lane's coroutine alone. Callers are resumed by whoever claims their [Pending].
 */
internal class Lane(
    val pool: PoolRef,
    val hooks: Hooks,
    private val engine: Engine,
) {
    private val log = LoggerFactory.getLogger(Lane::class.java)
    private val inbox = Channel<Command>(Channel.UNLIMITED)
    private val reach = Reach(pool, engine)
    private val calls = LaneCalls(pool, engine, reach)

    /** What listeners are shown of the pool. */
    val use = LaneUse(pool.id)
    var capacity by use::capacity

    /** There is no such pool in the database any more. */
    @Volatile private var isGone = false

    /** Whether slots are handed over here, without asking the database first. */
    @Volatile var handsOver = engine.options.handOver

    // --- confined
    private val state = LaneState(this, engine)
    private var polledNanos = System.nanoTime()
    private var flight: Flight? = null

    /** Whether the last call was one. */
    private var exchanged = false

    /** The database refused what cannot be left out: it is asked again after a while. */
    private var paused = false

    /** Notices that wait for the answer in flight. */
    private val early = ArrayList<Granted>()

    private sealed interface Command

    private class Ask(
        val pending: Pending,
    ) : Command

    private class Leave(
        val pending: Pending,
    ) : Command

    private class GiveBack(
        val held: Held,
    ) : Command

    private class Granted(
        val ticket: Long,
        val slot: Int,
    ) : Command

    private object Reread : Command

    private object CompareAll : Command

    private object Wake : Command

    private object Gone : Command

    /** What came of the call in flight. */
    private class Landed(
        val flight: Flight,
        val outcome: Result<Any?>,
    ) : Command

    /** A call on its way; a pause when it carries nothing. */
    private class Flight(
        val settles: List<Settle> = emptyList(),
        val seats: List<Seat> = emptyList(),
        val isPoll: Boolean = false,
    )

    // --- from anywhere

    /** It will ask, and be [settled], whatever happens. */
    fun entered(pending: Pending) {
        if (!pending.request.attempt) use.waits()
    }

    fun ask(
        pending: Pending,
        timeout: Duration,
    ) {
        if (pending.request.attempt) reach.entered(pending)
        if (inbox.trySend(Ask(pending)).isFailure) {
            if (pending.claim()) pending.fail(ended())
            return
        }
        if (timeout.isFinite() && !pending.request.attempt) {
            pending.timer = engine.after(timeout) { expire(pending) }
            if (!pending.isOpen) pending.timer?.cancel() // claimed before the timer was known
        }
        reach.check()
        if (!pending.isOpen) reach.left(pending) // claimed before it was noted
    }

    /** The database is away: who did not mean to wait does not. */
    fun unreachable(cause: StoreException) = reach.lose(cause)

    fun leave(pending: Pending) {
        if (pending.claim()) inbox.trySend(Leave(pending))
    }

    fun fail(
        pending: Pending,
        cause: Throwable,
    ) {
        if (pending.claim()) {
            pending.fail(cause)
            inbox.trySend(Leave(pending))
        }
    }

    /** Somebody claimed it. */
    fun settled(pending: Pending) {
        if (pending.request.attempt) reach.left(pending) else use.waitsNoMore()
    }

    fun release(resource: Held) {
        if (inbox.trySend(GiveBack(resource)).isFailure) resource.outcome.complete(engine.outcomeAtEnd)
    }

    /** In the user's transaction: what is not about the token is thrown as the driver threw it. */
    fun fence(
        resource: Held,
        connection: Connection,
    ) {
        check(!connection.autoCommit) { "fence needs the transaction that it guards: the connection is in autocommit" }
        try {
            engine.store.fence(connection, pool.id, resource.index, resource.token)
        } catch (e: StoreException) {
            val cause = e.cause as SQLException
            if (e.kind() != Kind.OUTDATED) throw cause
            val newest = (cause as? PSQLException)?.serverErrorMessage?.detail?.toLongOrNull() ?: throw cause
            throw StaleTokenException(pool.id, resource.index, resource.token, newest, cause)
        }
    }

    fun granted(
        ticket: Long,
        slot: Int,
    ) {
        inbox.trySend(Granted(ticket, slot))
    }

    /** Notices may have been missed: ask what was granted. */
    fun reread() {
        inbox.trySend(Reread)
    }

    /** The server may have lost what nobody waited for. */
    fun compareAll() {
        inbox.trySend(CompareAll)
    }

    /** The session changed. */
    fun wake() {
        inbox.trySend(Wake)
    }

    /** The pool is deleted. */
    fun gone() {
        inbox.trySend(Gone)
    }

    fun timedOut(
        sinceNanos: Long,
        place: Int,
    ): AcquireTimeoutException {
        val waited = (System.nanoTime() - sinceNanos).nanoseconds
        hooks.timedOut(pool.id, waited)
        return timeoutException(pool.id, waited, capacity, use.held, use.waiting, place)
    }

    /** Claims before it tells: who is granted a slot at this very moment did not time out. */
    private fun expire(pending: Pending) {
        if (!pending.claim()) return
        pending.fail(
            reach.whyNot?.let { engine.unavailable("acquire of pool '${pool.id}'", it) } ?: timedOut(pending.sinceNanos, pending.place),
        )
        inbox.trySend(Leave(pending))
    }

    // --- the lane's coroutine

    /** Until the pool is gone, or the client is closed. */
    suspend fun run() {
        try {
            while (!isGone) {
                try {
                    serve()
                } catch (e: Throwable) {
                    currentCoroutineContext().ensureActive()
                    recover(e)
                }
            }
        } finally {
            end()
        }
    }

    private suspend fun serve() =
        coroutineScope {
            while (!isGone) {
                ensureActive()
                receive()
                if (flight == null && !isGone) depart()
            }
        }

    /**
     * After a defect, of numpool or of somebody's `DataSource` that throws an Error, what is known here may be wrong. With another session it
     * begins anew: what was held is lost, who waits waits again, and the database gives on what it had.
     */
    private suspend fun recover(defect: Throwable) {
        log.error("The lane of pool '{}' failed: its session is given up", pool.id, defect)
        flight?.let { state.putBack(it.settles, it.seats) }
        flight = null
        early.clear()
        state.session?.let { engine.sessions.lose(it, "the lane of pool '${pool.id}' failed: $defect") }
        delay(REFUSED_PAUSE)
    }

    /** Leaves nobody waiting for an answer. */
    private fun end() {
        engine.dropLane(this)
        inbox.close()
        flight?.let { state.putBack(it.settles, it.seats) }
        while (true) {
            when (val left = inbox.tryReceive().getOrNull() ?: break) {
                is Ask -> if (left.pending.claim()) left.pending.fail(ended())
                is GiveBack -> left.held.outcome.complete(engine.outcomeAtEnd)
                else -> Unit
            }
        }
        state.end(ended(), engine.outcomeAtEnd)
    }

    private fun ended() = if (isGone) PoolDeletedException(pool.id) else NumpoolClosedException("numpool '${engine.options.name}'")

    private suspend fun receive() {
        if (flight != null || (!state.hasUnsent && !state.reread)) {
            take(next() ?: return)
            if (flight == null) yield() // what the same caller does next comes along
        }
        repeat(BATCH) { take(inbox.tryReceive().getOrNull() ?: return) }
    }

    /** The next command, or null when it is time to poll. Select, because a receive under a timeout can lose what it received. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private suspend fun next(): Command? =
        if (flight != null || !state.isQueued) {
            inbox.receive()
        } else {
            select {
                inbox.onReceive { it }
                onTimeout((nanosToPoll() / 1_000_000).coerceAtLeast(0) + 1) { null }
            }
        }

    private fun nanosToPoll() = polledNanos + engine.pollNanos - System.nanoTime()

    private fun take(command: Command) {
        when (command) {
            is Ask -> {
                state.asked(command.pending)
            }

            is Leave -> {
                state.left(command.pending)
            }

            is GiveBack -> {
                state.givenBack(command.held)
            }

            is Granted -> {
                val isEarly = flight?.let { it.isPoll || command.ticket !in state } == true
                if (isEarly) early += command else state.grant(command.ticket, command.slot)
            }

            is Landed -> {
                if (command.flight === flight) landed(command.flight, command.outcome)
            }

            is Reread -> {
                state.reread = state.reread || state.isQueued || flight != null
                state.foreignBound = 0
            }

            is CompareAll -> {
                state.reread = true
                state.foreignBound = 0
            }

            is Gone -> {
                deleted()
                state.reread = true // to see whether it is gone altogether
            }

            is Wake -> {}
        }
    }

    // --- calls

    /** What is settled and asked goes first; whoever wants to compare does so between two such calls. */
    private suspend fun CoroutineScope.depart() {
        if (paused) {
            paused = false
            return fly(Flight()) { delay(REFUSED_PAUSE) }
        }
        adopt(engine.sessions.awaitLive())
        val polls = state.reread || (state.isQueued && nanosToPoll() <= 0)
        val exchanges = state.hasUnsent
        if (exchanges && !(polls && exchanged)) {
            exchange()
        } else if (polls) {
            poll()
        }
    }

    private fun adopt(live: Session) {
        if (live === state.session) return
        early.clear()
        state.adopt(live)
        reach.found() // the session was opened in the database
    }

    private fun CoroutineScope.fly(
        it: Flight,
        call: suspend () -> Any?,
    ) {
        flight = it
        launch(engine.bridge.callersContext) { inbox.trySend(Landed(it, runCatching { call() })) }
    }

    private fun landed(
        it: Flight,
        outcome: Result<Any?>,
    ) {
        flight = null
        if (it.isPoll) {
            polled(outcome)
        } else if (it.settles.isNotEmpty() || it.seats.isNotEmpty()) {
            answered(it, outcome)
        }
        early.forEach { notice -> state.grant(notice.ticket, notice.slot) }
        early.clear()
    }

    private fun CoroutineScope.exchange() {
        exchanged = true
        val settles = state.takeSettles(BATCH)
        val seats = state.takeSeats(BATCH - settles.size)
        if (settles.isEmpty() && seats.isEmpty()) return
        val call = compose(settles, seats)
        val mine = state.session!!
        fly(Flight(settles, seats)) { calls.exchange(mine, call, settles.size + seats.size) }
    }

    private fun compose(
        settles: List<Settle>,
        seats: List<Seat>,
    ): ExchangeCall {
        Settle.join(settles)
        val call = ExchangeCall(settles.size, seats.size)
        for (it in settles) {
            when {
                it.isCancel -> call.cancel(it.ticket, it.slots)
                it.isHandOver -> call.handOver(it.slot, it.ticket, it.next)
                else -> call.release(it.slot, it.ticket)
            }
        }
        seats.forEach { call.acquire(it.request.id, it.request.slots, it.request.attempt, it.request.named, it.request.label) }
        if (handsOver) call.askForeignBound(state.foreignBound)
        return call
    }

    private fun answered(
        flight: Flight,
        outcome: Result<Any?>,
    ) {
        val cause = outcome.exceptionOrNull()
        val sent = outcome.getOrNull() as Sent?
        when {
            sent != null -> {
                state.read(sent, flight.settles, flight.seats)
                engine.answeredIn(sent.answer.incarnation())
                engine.announce(pool.number, sent.answer.notices())
            }

            cause is StoreException -> {
                refused(cause, flight)
            }

            else -> { // the session is lost: adopt() sees to the rest
                state.putBack(flight.settles, flight.seats)
            }
        }
        if (cause != null && cause !is StoreException) throw cause
    }

    private fun refused(
        cause: StoreException,
        flight: Flight,
    ) {
        if (cause.kind() == Kind.NO_POOL) {
            flight.settles.forEach { it.complete(ResourceState.LOST) }
            flight.seats.forEach { state.failSeat(it, PoolDeletedException(pool.id)) }
            vanished()
            return
        }
        log.error("The database refuses a call for pool '{}'", pool.id, cause)
        flight.seats.forEach { state.failSeat(it, engine.translated("acquire of pool '${pool.id}'", cause)) }
        if (flight.settles.isEmpty()) return
        state.putBack(flight.settles) // until the session's deadline
        paused = true
    }

    private fun deleted() {
        state.deleted()
        hooks.left(use)
    }

    private fun vanished() {
        isGone = true
        deleted()
    }

    private fun CoroutineScope.poll() {
        exchanged = false
        polledNanos = System.nanoTime()
        state.reread = false
        val mine = state.session!!
        fly(Flight(isPoll = true)) { calls.poll(mine) }
    }

    private fun polled(outcome: Result<Any?>) {
        val cause = outcome.exceptionOrNull()
        val answer = outcome.getOrNull() as Polled?
        when {
            answer != null -> {
                engine.counters.polls.increment()
                capacity = answer.capacity()
                if (answer.deleted()) deleted()
                state.compare(answer)
                engine.answeredIn(answer.incarnation())
            }

            cause == null -> { // the session is lost
                state.reread = true
            }

            cause !is StoreException -> {
                throw cause
            }

            cause.kind() == Kind.NO_POOL -> {
                vanished()
            }

            else -> {
                log.error("The database refuses a poll of pool '{}'", pool.id, cause)
                state.reread = true
                paused = true
            }
        }
    }

    companion object {
        /** Items in a call at most. */
        private const val BATCH = 256
        private val REFUSED_PAUSE = Duration.parse("1s")
    }
}
