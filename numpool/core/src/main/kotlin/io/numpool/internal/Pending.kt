package io.numpool.internal

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.Job
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
    lateinit var continuation: CancellableContinuation<Held?>

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

    /** After [claim]. A value that its caller was cancelled for on the way is given back. */
    fun resume(held: Held?) = continuation.resume(held) { _, value, _ -> value?.abandon() }

    /** After [claim]. */
    fun fail(cause: Throwable) = continuation.resumeWithException(cause)
}

/** What a caller asked for. */
internal class Request(
    val id: UUID,
    val named: Boolean,
    val attempt: Boolean,
    val label: String?,
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

    val isWanted get() = callers.any { it.isOpen }
}
