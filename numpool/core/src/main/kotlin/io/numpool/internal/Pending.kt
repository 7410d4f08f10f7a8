package io.numpool.internal

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.Job
import org.slf4j.Logger
import org.slf4j.LoggerFactory
import java.util.UUID
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.resumeWithException

/** One caller's wait for a slot. Whoever claims it, once, resumes it: the lane, its timer, its cancellation, or a close. */
internal class Pending(
    val request: Request,
    val view: PoolView,
    val lane: Lane,
) {
    private val claimed = AtomicBoolean()
    lateinit var continuation: CancellableContinuation<Group?>

    @Volatile var timer: Job? = null

    /** Where it stands in the queue, 1 is first, as last heard; 0 while it has no ticket. */
    @Volatile var place = 0

    /** Guarded by the lane's coroutine. */
    var seat: Seat? = null
    val sinceNanos = System.nanoTime()

    val isOpen get() = !claimed.get()

    fun claim(): Boolean {
        if (!claimed.compareAndSet(false, true)) return false
        timer?.cancel()
        view.settled(this)
        lane.settled(this)
        return true
    }

    /** After [claim]. A value that its caller was cancelled for on the way, or that its dispatcher does not take, is given back. */
    fun resume(granted: Group?) = dispatching({ granted?.abandon() }) { continuation.resume(granted) { _, value, _ -> value?.abandon() } }

    /** After [claim]. */
    fun fail(cause: Throwable) = dispatching({}) { continuation.resumeWithException(cause) }

    /** A dispatcher is somebody else's, and may refuse, as an executor does that was shut down. */
    private inline fun dispatching(
        refused: () -> Unit,
        resume: () -> Unit,
    ) = try {
        resume()
    } catch (e: Throwable) {
        log.warn("A caller of pool '{}' cannot be told: its dispatcher throws", lane.pool.id, e)
        refused()
    }

    private companion object {
        val log: Logger = LoggerFactory.getLogger(Pending::class.java)
    }
}

/** What a caller asked for. */
internal class Request(
    val id: UUID,
    val named: Boolean,
    val attempt: Boolean,
    val label: String?,
    val slots: Int = 1,
)

/** One request in the database's eyes: a place in the queue, or soon one. More than one caller may have asked under its id. */
internal class Seat(
    val request: Request,
    first: Pending,
) {
    /** Guarded by the lane's coroutine. */
    val callers = mutableListOf(first)

    /** 0 until the database gave it one. Guarded by the lane's coroutine. */
    var ticket = 0L
        private set

    /** The slots heard of so far, by ticket; -1 for others. Guarded by the lane's coroutine. */
    private var granted = NONE

    /** Is in the queue from now on, or about to be granted: [first] and the tickets that follow it, one for each slot. */
    fun take(first: Long) {
        ticket = first
        granted = IntArray(request.slots) { -1 }
    }

    /** Has to ask again. */
    fun forgetTicket() {
        ticket = 0L
        granted = NONE
    }

    /** Its slots, when [slot] was the last that was missing; they are granted together, but may be heard of one by one. */
    fun granted(
        ticket: Long,
        slot: Int,
    ): IntArray? {
        granted[(ticket - this.ticket).toInt()] = slot
        return granted.takeIf { -1 !in it }
    }

    operator fun contains(ticket: Long) = ticket - this.ticket in 0L until request.slots

    val isWanted get() = callers.any { it.isOpen }

    private companion object {
        val NONE = IntArray(0)
    }
}
