package io.numpool.internal

import io.numpool.AcquireTimeoutException
import io.numpool.CapacityExceededException
import io.numpool.NumpoolClosedException
import io.numpool.PoolDeletedException
import io.numpool.ResourceState
import io.numpool.StaleTokenException
import io.numpool.internal.store.ExchangeAnswer
import io.numpool.internal.store.ExchangeAnswer.Acquired
import io.numpool.internal.store.ExchangeCall
import io.numpool.internal.store.Polled
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
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
import java.util.TreeMap
import java.util.concurrent.ConcurrentHashMap
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
 * A slot that is given back goes to the lowest ticket that waits here at once, call in flight or not, when no other session has a lower one;
 * the next call tells the database. Tickets are given out in order of arrival, so what is once known to be the lowest stays it.
 *
 * A seat's way:
 *
 *     unsent --exchange--> waiting (has a ticket) --answer, notice, poll--> granted: a Held for each caller that still wants it
 *       |                     |                                                |
 *       +--all callers gone---+--> cancelled: the database is told             +--none does--> released
 *
 * A grant is used only if its ticket still waits here. Whatever told of it (twice, late), any other is ignored: the cancel, hand-over or
 * release of that ticket is under way, and frees it in the database.
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

    /** Asked for without waiting; failed as soon as the database is found to be away. */
    private val attempts: MutableSet<Pending> = ConcurrentHashMap.newKeySet()

    /** What listeners are shown of the pool. */
    val use = LaneUse(pool.id)
    var capacity by use::capacity

    /** Why the database could not be reached, and the session then; null since it answered. */
    @Volatile private var away: Away? = null

    /** There is no such pool in the database any more. */
    @Volatile private var isGone = false

    /** Whether slots are handed over here, without asking the database first. */
    @Volatile var handsOver = engine.options.handOver

    // --- confined
    private val unsentSeats = ArrayDeque<Seat>()
    private val unsent = ArrayDeque<Settle>()
    private val waiting = TreeMap<Long, Seat>()
    private val held = HashMap<Long, Held>()
    private var session: Session? = null
    private var polledNanos = System.nanoTime()
    private var reread = false

    /** No ticket of another session waits below it; 0 while that is not known. */
    private var foreignBound = 0L
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

    private class Away(
        val cause: StoreException,
        val session: Session?,
    )

    private object Reread : Command

    private object CompareAll : Command

    private object Wake : Command

    private object Gone : Command

    /** What came of the call in flight. */
    private class Landed(
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
        if (pending.request.attempt) attempts += pending
        if (inbox.trySend(Ask(pending)).isFailure) {
            if (pending.claim()) pending.fail(ended())
            return
        }
        if (timeout.isFinite() && !pending.request.attempt) {
            pending.timer = engine.after(timeout) { expire(pending) }
            if (!pending.isOpen) pending.timer?.cancel() // claimed before the timer was known
        }
        whyAway()?.let(::failAttempts)
        if (!pending.isOpen) attempts -= pending // claimed before it was noted
    }

    /** The database is away: who did not mean to wait does not. */
    fun unreachable(cause: StoreException) {
        away = Away(cause, engine.sessions.current)
        failAttempts(cause)
    }

    /** Null when the database can be reached, as far as is known: a session that was opened since shows that it can. */
    private fun whyAway(): StoreException? {
        val it = away ?: return null
        val current = engine.sessions.current
        return if (current == null || current === it.session) it.cause else null
    }

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
        if (pending.request.attempt) attempts -= pending else use.waitsNoMore()
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
            whyAway()?.let { engine.unavailable("acquire of pool '${pool.id}'", it) } ?: timedOut(pending.sinceNanos, pending.place),
        )
        inbox.trySend(Leave(pending))
    }

    private fun failAttempts(cause: StoreException) =
        attempts.forEach { fail(it, engine.unavailable("acquire of pool '${pool.id}'", cause)) }

    // --- the lane's coroutine

    /** Until the pool is gone, or the client is closed. */
    suspend fun run() {
        try {
            coroutineScope {
                while (!isGone) {
                    ensureActive()
                    receive()
                    if (flight == null && !isGone) depart()
                }
            }
        } finally {
            end()
        }
    }

    /** Leaves nobody waiting for an answer. */
    private fun end() {
        engine.dropLane(this)
        inbox.close()
        flight?.let { putBack(it) }
        while (true) {
            when (val left = inbox.tryReceive().getOrNull() ?: break) {
                is Ask -> if (left.pending.claim()) left.pending.fail(ended())
                is GiveBack -> left.held.outcome.complete(engine.outcomeAtEnd)
                else -> Unit
            }
        }
        unsent.forEach { it.complete(engine.outcomeAtEnd) }
        (unsentSeats + waiting.values).forEach { failSeat(it, ended()) }
    }

    private fun ended() = if (isGone) PoolDeletedException(pool.id) else NumpoolClosedException("numpool '${engine.options.name}'")

    private suspend fun receive() {
        if (flight != null || (unsent.isEmpty() && unsentSeats.isEmpty() && !reread)) {
            take(next() ?: return)
            if (flight == null) yield() // what the same caller does next comes along
        }
        repeat(BATCH) { take(inbox.tryReceive().getOrNull() ?: return) }
    }

    /** The next command, or null when it is time to poll. Select, because a receive under a timeout can lose what it received. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private suspend fun next(): Command? =
        if (flight != null || waiting.isEmpty()) {
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
                if (command.pending.isOpen) {
                    unsentSeats +=
                        Seat(command.pending.request, command.pending).also { command.pending.seat = it }
                }
            }

            is Leave -> {
                left(command.pending)
            }

            is GiveBack -> {
                givenBack(command.held)
            }

            is Granted -> {
                val isEarly = flight?.let { it.isPoll || seatOf(command.ticket) == null } == true
                if (isEarly) early += command else grant(command.ticket, command.slot)
            }

            is Landed -> {
                landed(command.outcome)
            }

            is Reread -> {
                reread = reread || waiting.isNotEmpty() || flight != null
                foreignBound = 0
            }

            is CompareAll -> {
                reread = true
                foreignBound = 0
            }

            is Gone -> {
                deleted()
                reread = true // to see whether it is gone altogether
            }

            is Wake -> {}
        }
    }

    private fun left(pending: Pending) {
        val seat = pending.seat ?: return
        // an unsent one is skipped when it is its turn to be sent, one in flight when it is answered
        if (!seat.isWanted && seat.ticket != 0L && waiting.remove(seat.ticket) != null) unsent += cancelOf(seat)
    }

    private fun cancelOf(seat: Seat) = Settle.cancel(seat.ticket, seat.request.slots)

    private fun givenBack(resource: Held) {
        held.remove(resource.token)
        if (resource.session !== session) {
            resource.outcome.complete(ResourceState.LOST)
        } else if (!mayHandOver(resource) || !handOver(resource)) {
            unsent += Settle.release(resource)
        }
    }

    private fun mayHandOver(resource: Held): Boolean {
        val owner = resource.session
        return handsOver && resource.index < capacity && owner.isAlive && !resource.isOwed && !owner.wantsBack(resource)
    }

    /** To the lowest ticket that waits here, if no other session has a lower one. Tokens of a slot only rise. */
    private fun handOver(resource: Held): Boolean {
        while (true) {
            val seat = waiting.firstEntry()?.value ?: return false
            if (seat.ticket >= foreignBound || seat.ticket < resource.token || seat.request.slots > 1) return false
            waiting.remove(seat.ticket)
            val takers = seat.callers.filter { it.claim() }
            if (takers.isEmpty()) {
                unsent += cancelOf(seat)
                continue
            }
            unsent += Settle.handOver(resource, seat.ticket)
            engine.counters.handOvers.increment()
            val heir = Held(this, resource.session, resource.index, seat.ticket, seat.request.label, resource.rootToken)
            deliver(Group(seat.request.id, listOf(heir), takers.size), takers)
            return true
        }
    }

    /** One slot of a request; slot -1: it asked for more than there are, and waits no more. */
    private fun grant(
        ticket: Long,
        slot: Int,
    ) {
        val seat = seatOf(ticket) ?: return
        if (slot < 0) {
            reread = true
        } else {
            seat.granted(ticket, slot)?.let { deliver(seat, it) }
        }
    }

    private fun seatOf(ticket: Long) = waiting.floorEntry(ticket)?.value?.takeIf { ticket in it }

    private fun deliver(
        seat: Seat,
        slots: IntArray,
    ) {
        val owner = session!!
        if (!owner.isAlive) return // the slots are as good as lost: adopt() lets the seat wait again
        waiting.remove(seat.ticket)
        val takers = seat.callers.filter { it.claim() }
        if (takers.isEmpty()) {
            slots.forEachIndexed { nth, slot -> unsent += Settle.release(seat.ticket + nth, slot) }
            return
        }
        val members = slots.mapIndexed { nth, slot -> Held(this, owner, slot, seat.ticket + nth, seat.request.label) }
        deliver(Group(seat.request.id, members, takers.size), takers)
    }

    private fun deliver(
        group: Group,
        takers: List<Pending>,
    ) {
        group.members.forEach {
            held[it.token] = it
            it.session.hold(it)
        }
        takers.forEach { hand(it, group) }
    }

    private fun hand(
        taker: Pending,
        group: Group,
    ) {
        val waited = (System.nanoTime() - taker.sinceNanos).nanoseconds
        group.members.forEach {
            taker.view.hold(it)
            hooks.acquired(pool.id, it.index, it.token, waited)
        }
        taker.resume(group)
    }

    /** After a lost session nothing of it is left; who still waits joins again, at the tail. */
    private fun adopt(live: Session) {
        if (live === session) return
        if (session != null) {
            unsent.forEach { it.complete(ResourceState.LOST) }
            unsent.clear()
            held.clear()
            early.clear()
            foreignBound = 0
            if (waiting.isNotEmpty()) {
                log.warn(
                    "{} acquires of pool '{}' wait again, at the tail: their session was lost",
                    waiting.size,
                    pool.id,
                )
            }
            waiting.values.reversed().forEach {
                it.forgetTicket()
                unsentSeats.addFirst(it)
            }
            waiting.clear()
        }
        away = null // the session was opened in the database
        session = live
    }

    // --- calls

    /** What is settled and asked goes first; whoever wants to compare does so between two such calls. */
    private suspend fun CoroutineScope.depart() {
        if (paused) {
            paused = false
            return fly(Flight()) { delay(REFUSED_PAUSE) }
        }
        adopt(engine.sessions.awaitLive())
        val polls = reread || (waiting.isNotEmpty() && nanosToPoll() <= 0)
        val exchanges = unsent.isNotEmpty() || unsentSeats.isNotEmpty()
        if (exchanges && !(polls && exchanged)) exchange() else if (polls) poll()
    }

    private fun CoroutineScope.fly(
        it: Flight,
        call: suspend () -> Any?,
    ) {
        flight = it
        launch { inbox.trySend(Landed(runCatching { call() })) }
    }

    private fun landed(outcome: Result<Any?>) {
        val it = flight!!
        flight = null
        if (it.isPoll) polled(outcome) else if (it.settles.isNotEmpty() || it.seats.isNotEmpty()) answered(it, outcome)
        early.forEach { notice -> grant(notice.ticket, notice.slot) }
        early.clear()
    }

    private fun CoroutineScope.exchange() {
        exchanged = true
        val settles = generateSequence { unsent.removeFirstOrNull() }.take(BATCH).toList()
        val seats = generateSequence { unsentSeats.removeFirstOrNull() }.filter { it.isWanted }.take(BATCH - settles.size).toList()
        if (settles.isEmpty() && seats.isEmpty()) return
        val call = compose(settles, seats)
        val mine = session!!
        fly(Flight(settles, seats)) { send(mine, call, settles.size + seats.size) }
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
        if (handsOver) call.askForeignBound(foreignBound)
        return call
    }

    private fun answered(
        flight: Flight,
        outcome: Result<Any?>,
    ) {
        val cause = outcome.exceptionOrNull()
        val sent = outcome.getOrNull() as Sent?
        when {
            sent != null -> read(sent, flight.settles, flight.seats)
            cause is StoreException -> refused(cause, flight)
            else -> putBack(flight) // the session is lost: adopt() sees to the rest
        }
        if (cause != null && cause !is StoreException) throw cause
    }

    private fun read(
        sent: Sent,
        settles: List<Settle>,
        seats: List<Seat>,
    ) {
        val answer = sent.answer
        use.heard(answer.capacity(), answer.held(), answer.waiting())
        settles.forEachIndexed { i, settle -> settle.answered(answer.settled(i)) }
        settles.forEach { it.complete(retry = sent.retried) }
        settles.forEach { if (it.isDisowned) disowned(it) }
        seats.forEachIndexed { i, seat -> seated(seat, answer, i) }
        foreignBound = answer.foreignBound()
        for (i in 0 until answer.grants()) grant(answer.grantedTicket(i), answer.grantedSlot(i))
        engine.answeredIn(answer.incarnation())
        engine.announce(pool.number, answer.notices())
    }

    /** Handed over, but it was not this session's any more: whoever has it here now has it no more. */
    private fun disowned(settle: Settle) {
        for (it in held.values.filter { it.index == settle.slot && settle.next in it.rootToken..it.token }) {
            held.remove(it.token)
            it.lose("the database had taken back the slot that was handed over to it")
        }
    }

    private fun putBack(flight: Flight) {
        flight.settles.reversed().forEach(unsent::addFirst)
        flight.seats.reversed().forEach(unsentSeats::addFirst)
    }

    private fun seated(
        seat: Seat,
        answer: ExchangeAnswer,
        i: Int,
    ) {
        when (answer.acquired(i)) {
            Acquired.GRANTED -> {
                val ticket = answer.ticket(i)
                val known = held[ticket]
                if (known != null && seat.request.named) return share(seat, known.group)
                if (known != null) {
                    held.remove(ticket)
                    known.lose("the database granted its token to somebody else: the server lost its last commits")
                }
                if (sit(seat, ticket)) grant(ticket, answer.slot(i))
            }

            Acquired.WAITS -> {
                if (seat.request.attempt) turnedAway(seat) else wait(seat, answer.ticket(i), answer.place(i))
            }

            Acquired.MORE_THAN_CAPACITY -> {
                failSeat(seat, CapacityExceededException(pool.id, seat.request.slots, answer.capacity()))
            }

            Acquired.NOT_SERVED -> {
                turnedAway(seat)
            }

            Acquired.INCOMPLETE -> {
                val group = held.values.firstOrNull { it.group.request == seat.request.id }?.group
                if (group != null) return share(seat, group)
                unsentSeats += seat
                reread = true // what is left of it is released
            }

            Acquired.FOREIGN_ID -> {
                failSeat(seat, IllegalStateException("requestId ${seat.request.id}: another live session uses it in pool '${pool.id}'"))
            }

            else -> {
                failSeat(seat, PoolDeletedException(pool.id))
            }
        }
    }

    private fun turnedAway(seat: Seat) = seat.callers.forEach { if (it.claim()) it.resume(null) }

    private fun wait(
        seat: Seat,
        ticket: Long,
        place: Int,
    ) {
        if (!sit(seat, ticket) || waiting[ticket] !== seat) return
        if (!seat.isWanted) {
            waiting.remove(ticket)
            unsent += cancelOf(seat)
            return
        }
        seat.callers.forEach { it.place = place }
        hooks.queued(pool.id, ticket)
    }

    /** Takes the ticket; its request id may wait here already, then they wait together. False when it asks for another number of slots. */
    private fun sit(
        seat: Seat,
        ticket: Long,
    ): Boolean {
        val same = waiting[ticket]
        if (same == null) {
            seat.take(ticket)
            waiting[ticket] = seat
        } else if (same.request.slots != seat.request.slots) {
            failSeat(seat, otherNumber(seat, same.request.slots))
            return false
        } else {
            seat.callers.forEach { it.seat = same }
            same.callers += seat.callers
        }
        return true
    }

    private fun otherNumber(
        seat: Seat,
        slots: Int,
    ) = IllegalStateException("requestId ${seat.request.id}: in use for $slots slots, not ${seat.request.slots}")

    /** The seat's request id holds slots here already. */
    private fun share(
        seat: Seat,
        group: Group,
    ) {
        if (group.members.size != seat.request.slots) return failSeat(seat, otherNumber(seat, group.members.size))
        seat.callers.filter { it.claim() }.forEach { taker ->
            group.share()?.let { hand(taker, it) }
                ?: taker.fail(IllegalStateException("requestId ${seat.request.id}: its slots are being given back"))
        }
    }

    private fun failSeat(
        seat: Seat,
        cause: Throwable,
    ) = seat.callers.forEach { if (it.claim()) it.fail(cause) }

    /** The answer; null when the session is lost. Throws what it would not help to try again. */
    private suspend fun send(
        mine: Session,
        call: ExchangeCall,
        items: Int,
    ): Sent? {
        var retry = false
        return persist(mine, changes = true) { epoch, unknown ->
            if (unknown) retry = true
            engine.counters.calls.increment()
            engine.counters.items.add(items.toLong())
            engine.bridge.run { engine.store.exchange(it, mine.id, epoch, pool.number, retry, call) }
        }?.let { Sent(it, retry) }
    }

    private class Sent(
        val answer: ExchangeAnswer,
        val retried: Boolean,
    )

    /**
     * Makes a call until it is answered, waiting while the database is away. After an unknown outcome of one that [changes] something the
     * epoch is raised first, once for all lanes, so that the call that may still be on its way does nothing; and until it is known what that
     * call did, a refusal is no answer.
     */
    private suspend fun <T> persist(
        mine: Session,
        changes: Boolean,
        call: suspend (Long, Boolean) -> T,
    ): T? {
        val backoff = Backoff()
        var unknown = false
        var outdated = false
        var epoch = mine.epoch
        while (mine.lostBecause == null) {
            try {
                if (outdated) engine.sessions.raiseEpoch(mine, epoch)
                outdated = false
                epoch = mine.epoch
                val answer = call(epoch, unknown)
                away = null
                return if (mine.lostBecause == null) answer else null
            } catch (e: StoreException) {
                when (e.kind()) {
                    Kind.DEAD -> {
                        engine.sessions.lose(mine, "the database declared its session dead")
                    }

                    Kind.OLD_EPOCH -> {
                        outdated = true
                    }

                    Kind.BUSY -> {
                        engine.unblock()
                    }

                    Kind.UNKNOWN -> {
                        unknown = changes
                        outdated = changes
                        unreachable(e)
                    }

                    Kind.UNREACHABLE -> {
                        unreachable(e)
                    }

                    else -> {
                        if (!unknown || e.kind() == Kind.NO_POOL) {
                            away = null
                            throw e
                        }
                        unreachable(e)
                    }
                }
                backoff.pause()
            }
        }
        return null
    }

    private fun refused(
        cause: StoreException,
        flight: Flight,
    ) {
        if (cause.kind() == Kind.NO_POOL) {
            flight.settles.forEach { it.complete(ResourceState.LOST) }
            flight.seats.forEach { failSeat(it, PoolDeletedException(pool.id)) }
            vanished()
            return
        }
        log.error("The database refuses a call for pool '{}'", pool.id, cause)
        flight.seats.forEach { failSeat(it, engine.translated("acquire of pool '${pool.id}'", cause)) }
        if (flight.settles.isEmpty()) return
        putBack(Flight(flight.settles)) // until the session's deadline
        paused = true
    }

    private fun deleted() {
        waiting.values.forEach { failSeat(it, PoolDeletedException(pool.id)) }
        waiting.clear()
        held.values.toList().forEach { it.deleted() }
        hooks.left(use)
    }

    private fun vanished() {
        isGone = true
        deleted()
    }

    private fun CoroutineScope.poll() {
        exchanged = false
        polledNanos = System.nanoTime()
        reread = false
        val mine = session!!
        fly(Flight(isPoll = true)) {
            persist(mine, changes = false) { _, _ -> engine.bridge.run { engine.store.poll(it, mine.id, pool.number) } }
        }
    }

    private fun polled(outcome: Result<Any?>) {
        val cause = outcome.exceptionOrNull()
        val answer = outcome.getOrNull() as Polled?
        when {
            answer != null -> {
                engine.counters.polls.increment()
                capacity = answer.capacity()
                if (answer.deleted()) deleted()
                compare(answer)
                engine.answeredIn(answer.incarnation())
            }

            cause == null -> { // the session is lost
                reread = true
            }

            cause !is StoreException -> {
                throw cause
            }

            cause.kind() == Kind.NO_POOL -> {
                vanished()
            }

            else -> {
                log.error("The database refuses a poll of pool '{}'", pool.id, cause)
                reread = true
                paused = true
            }
        }
    }

    /** Nothing that changes the pool was in flight: what the database knows and what was known here are of one moment, but for what is unsent. */
    private fun compare(answer: Polled) {
        var found = false
        for (seat in waiting.values.toList()) {
            val place = answer.waiting()[seat.ticket]
            val granted = answer.held().filterKeys { it in seat }
            if (place != null) {
                seat.callers.forEach { it.place = place }
            } else if (granted.size == seat.request.slots) {
                found = true
                granted.forEach(::grant)
            } else if (granted.isNotEmpty()) {
                takenBack(seat)
            } else {
                leftOut(seat, answer)
            }
        }
        if (found) engine.counters.pollsThatFoundWork.increment()
        for (resource in held.values.toList()) {
            if (resource.token in answer.held() || unsent.any { it.next == resource.token }) continue
            held.remove(resource.token)
            resource.lose("the database does not know of it: the server lost its last commits")
        }
        answer.held().forEach { (ticket, slot) -> if (!isKnown(ticket)) forgotten(ticket, slot) }
        answer.waiting().keys.forEach { if (!isKnown(it)) leftBefore(it) }
    }

    private fun leftOut(
        seat: Seat,
        answer: Polled,
    ) {
        waiting.remove(seat.ticket)
        if (seat.request.slots > answer.capacity()) {
            failSeat(seat, CapacityExceededException(pool.id, seat.request.slots, answer.capacity()))
            return
        }
        log.warn("Ticket {} of pool '{}' is unknown to the database: it waits again, at the tail", seat.ticket, pool.id)
        seat.forgetTicket()
        unsentSeats += seat
    }

    /** An operator had some of its slots evicted, and a reaper gave them on, before we heard of any. */
    private fun takenBack(seat: Seat) {
        log.warn(
            "Some slots of ticket {} of pool '{}' were evicted before they were heard of: it waits again, at the tail",
            seat.ticket,
            pool.id,
        )
        waiting.remove(seat.ticket)
        unsent += cancelOf(seat)
        seat.forgetTicket()
        unsentSeats += seat
    }

    private fun isKnown(ticket: Long) =
        ticket in held || unsent.any { ticket in it } || waiting.floorEntry(ticket)?.value?.let { ticket in it } == true

    /** A release that nobody waited for, undone by the server's end. */
    private fun forgotten(
        ticket: Long,
        slot: Int,
    ) {
        log.info("Slot {} of pool '{}' is released again: the server lost its last commits", slot, pool.id)
        unsent += Settle.release(ticket, slot)
    }

    /** A place that was left, which the new primary of a failover does not know. Granted meanwhile, it is found when we compare again. */
    private fun leftBefore(ticket: Long) {
        log.info("Ticket {} of pool '{}' leaves the queue again: the server lost its last commits", ticket, pool.id)
        unsent += Settle.cancel(ticket)
        reread = true
    }

    companion object {
        /** Items in a call at most. */
        private const val BATCH = 256
        private val REFUSED_PAUSE = Duration.parse("1s")
    }
}
