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
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
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
 * there, sends it in one `exchange`, hands out the answer, and takes the next. One call is in flight at a time, and what arrives
 * meanwhile (notices of grants, too) waits for its answer.
 *
 * A seat's way:
 *
 *     unsent --exchange--> waiting (has a ticket) --answer, notice, poll--> granted: a Held for each caller that still wants it
 *       |                     |                                                |
 *       +--all callers gone---+--> cancelled: the database is told             +--none does--> released
 *
 * A grant is used only if its ticket still waits here. Whatever told of it (twice, late), any other is ignored: the cancel or release of
 * that ticket is under way, and frees it in the database.
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

    // --- confined
    private val unsentSeats = ArrayDeque<Seat>()
    private val unsent = ArrayDeque<Settle>()
    private val waiting = TreeMap<Long, Seat>()
    private val held = HashMap<Long, Held>()
    private var session: Session? = null
    private var polledNanos = System.nanoTime()
    private var reread = false

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

    /** What is to be told to the database, in the order in which it happened. */
    private class Settle(
        val ticket: Long,
        val slot: Int,
        val held: Held?,
        /** Of a place that is left. */
        val slots: Int = 1,
    ) {
        val isCancel get() = slot < 0

        operator fun contains(other: Long) = other - ticket in 0L until slots
    }

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
            while (!isGone) {
                currentCoroutineContext().ensureActive()
                receive()
                adopt(engine.sessions.awaitLive())
                if (unsent.isNotEmpty() || unsentSeats.isNotEmpty()) exchange()
                if (!isGone && (reread || (waiting.isNotEmpty() && nanosToPoll() <= 0))) poll()
            }
        } finally {
            end()
        }
    }

    /** Leaves nobody waiting for an answer. */
    private fun end() {
        engine.dropLane(this)
        inbox.close()
        while (true) {
            when (val left = inbox.tryReceive().getOrNull() ?: break) {
                is Ask -> if (left.pending.claim()) left.pending.fail(ended())
                is GiveBack -> left.held.outcome.complete(engine.outcomeAtEnd)
                else -> Unit
            }
        }
        unsent.forEach { it.held?.outcome?.complete(engine.outcomeAtEnd) }
        (unsentSeats + waiting.values).forEach { failSeat(it, ended()) }
    }

    private fun ended() = if (isGone) PoolDeletedException(pool.id) else NumpoolClosedException("numpool '${engine.options.name}'")

    private suspend fun receive() {
        if (unsent.isEmpty() && unsentSeats.isEmpty() && !reread) {
            take(next() ?: return)
            yield() // what the same caller does next comes along
        }
        repeat(BATCH) { take(inbox.tryReceive().getOrNull() ?: return) }
    }

    /** The next command, or null when it is time to poll. Select, because a receive under a timeout can lose what it received. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private suspend fun next(): Command? =
        if (waiting.isEmpty()) {
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
                grant(command.ticket, command.slot)
            }

            is Reread -> {
                reread = reread || waiting.isNotEmpty()
            }

            is CompareAll -> {
                reread = true
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
        // an unsent one is skipped when it is its turn to be sent
        if (!seat.isWanted && seat.ticket != 0L && waiting.remove(seat.ticket) != null) unsent += cancelOf(seat)
    }

    private fun cancelOf(seat: Seat) = Settle(seat.ticket, -1, null, seat.request.slots)

    private fun givenBack(resource: Held) {
        held.remove(resource.token)
        val isOurs = resource.session === session
        if (isOurs) unsent += Settle(resource.token, resource.index, resource) else resource.outcome.complete(ResourceState.LOST)
    }

    /** One slot of a request; slot -1: it asked for more than there are, and waits no more. */
    private fun grant(
        ticket: Long,
        slot: Int,
    ) {
        val seat = waiting.floorEntry(ticket)?.value?.takeIf { ticket in it } ?: return
        if (slot < 0) {
            reread = true
        } else {
            seat.granted(ticket, slot)?.let { deliver(seat, it) }
        }
    }

    private fun deliver(
        seat: Seat,
        slots: IntArray,
    ) {
        val owner = session!!
        if (!owner.isAlive) return // the slots are as good as lost: adopt() lets the seat wait again
        waiting.remove(seat.ticket)
        val takers = seat.callers.filter { it.claim() }
        if (takers.isEmpty()) {
            slots.forEachIndexed { nth, slot -> unsent += Settle(seat.ticket + nth, slot, null) }
            return
        }
        val group =
            Group(
                seat.request.id,
                slots.mapIndexed {
                    nth,
                    slot,
                    ->
                    Held(this, owner, slot, seat.ticket + nth, seat.request.label)
                },
                takers.size,
            )
        group.members.forEach {
            held[it.token] = it
            owner.hold(it)
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
            unsent.forEach { it.held?.outcome?.complete(ResourceState.LOST) }
            unsent.clear()
            held.clear()
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

    private suspend fun exchange() {
        val settles = generateSequence { unsent.removeFirstOrNull() }.take(BATCH).toList()
        val seats = generateSequence { unsentSeats.removeFirstOrNull() }.filter { it.isWanted }.take(BATCH - settles.size).toList()
        if (settles.isEmpty() && seats.isEmpty()) return
        val sent =
            try {
                send(settles, seats)
            } catch (e: StoreException) {
                refused(e, settles, seats)
                return
            } catch (e: Throwable) {
                putBack(settles, seats)
                throw e
            }
        if (sent == null) { // the session is lost: adopt() sees to the rest
            putBack(settles, seats)
            return
        }
        read(sent, settles, seats)
    }

    private fun read(
        sent: Sent,
        settles: List<Settle>,
        seats: List<Seat>,
    ) {
        val answer = sent.answer
        use.heard(answer.capacity(), answer.held(), answer.waiting())
        settles.forEachIndexed { i, settle ->
            // stale in a retry: the first call, whose answer was lost, has released it
            val released = answer.settled(i) || sent.retried
            settle.held?.outcome?.complete(if (released) ResourceState.RELEASED else ResourceState.LOST)
        }
        seats.forEachIndexed { i, seat -> seated(seat, answer, i) }
        for (i in 0 until answer.grants()) grant(answer.grantedTicket(i), answer.grantedSlot(i))
        engine.answeredIn(answer.incarnation())
        engine.announce(pool.number, answer.notices())
    }

    private fun putBack(
        settles: List<Settle>,
        seats: List<Seat>,
    ) {
        settles.reversed().forEach(unsent::addFirst)
        seats.reversed().forEach(unsentSeats::addFirst)
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
        settles: List<Settle>,
        seats: List<Seat>,
    ): Sent? {
        val mine = session!!
        val call = ExchangeCall(settles.size, seats.size)
        settles.forEach { if (it.isCancel) call.cancel(it.ticket, it.slots) else call.release(it.slot, it.ticket) }
        seats.forEach { call.acquire(it.request.id, it.request.slots, it.request.attempt, it.request.named, it.request.label) }
        var retry = false
        return persist(mine, changes = true) { epoch, unknown ->
            if (unknown) retry = true
            engine.counters.calls.increment()
            engine.counters.items.add((settles.size + seats.size).toLong())
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

    private suspend fun refused(
        cause: StoreException,
        settles: List<Settle>,
        seats: List<Seat>,
    ) {
        if (cause.kind() == Kind.NO_POOL) {
            settles.forEach { it.held?.outcome?.complete(ResourceState.LOST) }
            seats.forEach { failSeat(it, PoolDeletedException(pool.id)) }
            vanished()
            return
        }
        log.error("The database refuses a call for pool '{}'", pool.id, cause)
        seats.forEach { failSeat(it, engine.translated("acquire of pool '${pool.id}'", cause)) }
        if (settles.isEmpty()) return
        putBack(settles, emptyList()) // until the session's deadline
        delay(REFUSED_PAUSE)
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

    private suspend fun poll() {
        polledNanos = System.nanoTime()
        val mine = session!!
        val answer =
            try {
                persist(mine, changes = false) { _, _ -> engine.bridge.run { engine.store.poll(it, mine.id, pool.number) } } ?: return
            } catch (e: StoreException) {
                if (e.kind() == Kind.NO_POOL) {
                    vanished()
                } else {
                    log.error("The database refuses a poll of pool '{}'", pool.id, e)
                    delay(REFUSED_PAUSE)
                }
                return
            }
        reread = false
        engine.counters.polls.increment()
        capacity = answer.capacity()
        if (answer.deleted()) deleted()
        compare(answer)
        engine.answeredIn(answer.incarnation())
    }

    /** With no call in flight: what the database knows and what is known here are of one moment. */
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
            if (resource.token in answer.held()) continue
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
        unsent += Settle(ticket, slot, null)
    }

    /** A place that was left, which the new primary of a failover does not know. Granted meanwhile, it is found when we compare again. */
    private fun leftBefore(ticket: Long) {
        log.info("Ticket {} of pool '{}' leaves the queue again: the server lost its last commits", ticket, pool.id)
        unsent += Settle(ticket, -1, null)
        reread = true
    }

    companion object {
        /** Items in a call at most. */
        private const val BATCH = 256
        private val REFUSED_PAUSE = Duration.parse("1s")
    }
}
