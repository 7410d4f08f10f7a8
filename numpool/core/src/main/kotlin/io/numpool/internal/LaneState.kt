package io.numpool.internal

import io.numpool.CapacityExceededException
import io.numpool.NumpoolException
import io.numpool.PoolDeletedException
import io.numpool.ResourceState
import io.numpool.internal.store.ExchangeAnswer
import io.numpool.internal.store.ExchangeAnswer.Acquired
import io.numpool.internal.store.Polled
import org.slf4j.LoggerFactory
import java.util.TreeMap
import kotlin.time.Duration.Companion.nanoseconds

/**
 * What a lane knows of its pool: who waits, what is held, and what the database is still to be told and asked. Touched by the lane's coroutine
 * alone.
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
 * A slot that is given back goes to the lowest ticket that waits here at once, call in flight or not, when no other session has a lower one;
 * the next call tells the database. Tickets are given out in order of arrival, so what is once known to be the lowest stays it.
 */
internal class LaneState(
    private val lane: Lane,
    private val engine: Engine,
) {
    private val log = LoggerFactory.getLogger(Lane::class.java)
    private val pool = lane.pool
    private val hooks = lane.hooks
    private val unsentSeats = ArrayDeque<Seat>()
    private val unsent = ArrayDeque<Settle>()
    private val waiting = TreeMap<Long, Seat>()
    private val held = HashMap<Long, Held>()

    var session: Session? = null
        private set

    /** What is known here is to be compared with what the database knows. */
    var reread = false

    /** No ticket of another session waits below it; 0 while that is not known. */
    var foreignBound = 0L

    /** Somebody waits in the database's eyes. */
    val isQueued get() = waiting.isNotEmpty()

    /** There is something to tell or to ask. */
    val hasUnsent get() = unsent.isNotEmpty() || unsentSeats.isNotEmpty()

    fun asked(pending: Pending) {
        if (pending.isOpen) unsentSeats += Seat(pending.request, pending).also { pending.seat = it }
    }

    fun left(pending: Pending) {
        val seat = pending.seat ?: return
        // an unsent one is skipped when it is its turn to be sent, one in flight when it is answered
        if (seat.isWanted) {
            seat.callers.removeAll { !it.isOpen }
            return
        }
        if (seat.ticket != 0L && waiting.remove(seat.ticket) != null) unsent += cancelOf(seat)
    }

    private fun cancelOf(seat: Seat) = Settle.cancel(seat.ticket, seat.request.slots)

    fun givenBack(resource: Held) {
        held.remove(resource.token)
        if (resource.session !== session) {
            resource.outcome.complete(ResourceState.LOST)
        } else if (!mayHandOver(resource) || !handOver(resource)) {
            unsent += Settle.release(resource)
        }
    }

    private fun mayHandOver(resource: Held): Boolean {
        val owner = resource.session
        return lane.handsOver && resource.index < lane.capacity && owner.isAlive && !resource.isOwed && !owner.wantsBack(resource)
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
            val heir = Held(lane, resource.session, resource.index, seat.ticket, seat.request.label, resource.rootToken)
            deliver(Group(seat.request.id, listOf(heir), takers.size), takers)
            return true
        }
    }

    /** One slot of a request; slot -1: it asked for more than there are, and waits no more. */
    fun grant(
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

    /** Its ticket waits here. */
    operator fun contains(ticket: Long) = seatOf(ticket) != null

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
        val members = slots.mapIndexed { nth, slot -> Held(lane, owner, slot, seat.ticket + nth, seat.request.label) }
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
    fun adopt(live: Session) {
        if (live === session) return
        if (session != null) {
            unsent.forEach { it.complete(ResourceState.LOST) }
            unsent.clear()
            held.clear()
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
        session = live
    }

    // --- calls

    fun takeSettles(most: Int): List<Settle> = generateSequence { unsent.removeFirstOrNull() }.take(most).toList()

    /** Those who still want it. */
    fun takeSeats(most: Int): List<Seat> = generateSequence { unsentSeats.removeFirstOrNull() }.filter { it.isWanted }.take(most).toList()

    fun putBack(
        settles: List<Settle>,
        seats: List<Seat> = emptyList(),
    ) {
        settles.reversed().forEach(unsent::addFirst)
        seats.reversed().forEach(unsentSeats::addFirst)
    }

    fun read(
        sent: Sent,
        settles: List<Settle>,
        seats: List<Seat>,
    ) {
        val answer = sent.answer
        lane.use.heard(answer.capacity(), answer.held(), answer.waiting())
        settles.forEachIndexed { i, settle -> settle.answered(answer.settled(i)) }
        settles.forEach { it.complete(retry = sent.retried) }
        settles.forEach { if (it.isDisowned) disowned(it) }
        seats.forEachIndexed { i, seat -> seated(seat, answer, i) }
        foreignBound = answer.foreignBound()
        for (i in 0 until answer.grants()) grant(answer.grantedTicket(i), answer.grantedSlot(i))
    }

    /** Handed over, but it was not this session's any more: whoever has it here now has it no more. */
    private fun disowned(settle: Settle) {
        for (it in held.values.filter { it.index == settle.slot && settle.next in it.rootToken..it.token }) {
            held.remove(it.token)
            it.lose("the database had taken back the slot that was handed over to it")
        }
    }

    private fun seated(
        seat: Seat,
        answer: ExchangeAnswer,
        i: Int,
    ) {
        val outcome = answer.acquired(i)
        val isServed = outcome == Acquired.GRANTED || outcome == Acquired.WAITS
        if (isServed && seat.request.named && changedMeanwhile(seat, answer.ticket(i))) return
        when (outcome) {
            Acquired.GRANTED -> {
                val ticket = answer.ticket(i)
                val known = held[ticket]
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

    /**
     * The request id had that [ticket] when the database answered, and something became of it here while the answer was on its way. True when
     * the answer is no news any more.
     */
    private fun changedMeanwhile(
        seat: Seat,
        ticket: Long,
    ): Boolean {
        held[ticket]?.let {
            share(seat, it.group)
            return true
        }
        val told = unsent.firstOrNull { ticket in it } ?: return false
        if (told.isCancel && told.slots == seat.request.slots) {
            unsent.remove(told) // its place is wanted again
            return false
        }
        unsentSeats += seat // after that is told, the id is new
        return true
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
        for (taker in seat.callers) {
            if (!taker.isOpen) continue
            val shared = group.share()
            if (shared == null) {
                if (!group.isGivenBack) return failSeat(seat, beingGivenBack(seat))
                unsentSeats += seat // its owner's word is on its way; after that the id is new
                return
            }
            if (taker.claim()) hand(taker, shared) else shared.abandon()
        }
    }

    private fun beingGivenBack(seat: Seat) = IllegalStateException("requestId ${seat.request.id}: its slots are being given back")

    fun failSeat(
        seat: Seat,
        cause: Throwable,
    ) = seat.callers.forEach { if (it.claim()) it.fail(cause) }

    fun deleted() {
        waiting.values.forEach { failSeat(it, PoolDeletedException(pool.id)) }
        waiting.clear()
        held.values.toList().forEach { it.deleted() }
    }

    /** Nobody is left waiting for an answer. */
    fun end(
        cause: NumpoolException,
        releases: ResourceState,
    ) {
        unsent.forEach { it.complete(releases) }
        (unsentSeats + waiting.values).forEach { failSeat(it, cause) }
    }

    // --- what is known here beside what the database knows

    /** Nothing that changes the pool was in flight: what the database knows and what was known here are of one moment, but for what is unsent. */
    fun compare(answer: Polled) {
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
}
