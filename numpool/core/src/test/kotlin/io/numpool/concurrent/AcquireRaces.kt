package io.numpool.concurrent

import io.numpool.internal.Group
import io.numpool.internal.Pending
import io.numpool.internal.Request
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import org.jetbrains.lincheck.datastructures.Operation
import org.jetbrains.lincheck.datastructures.Validate
import java.util.UUID
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.coroutines.CoroutineContext

/** One caller waits, while it is granted a slot, cancelled, out of time, and its pool is closed; and it may take its time to run. */
class AcquireRaces {
    private val parts = Unstarted()
    private val view = parts.view()
    private val pending = Pending(Request(UUID(0, 0), named = false, attempt = false, label = null), view, parts.lane)
    private val caller = Caller()
    private val offered = parts.group()
    private val slot = offered.members.single()

    @Volatile private var isGranted = false

    @Volatile private var got: Group? = null

    private val waits: Job =
        CoroutineScope(SupervisorJob() + caller).launch {
            got =
                suspendCancellableCoroutine { continuation ->
                    pending.continuation = continuation
                    parts.lane.entered(pending)
                    continuation.invokeOnCancellation { parts.lane.leave(pending) }
                }
        }

    init {
        caller.run() // up to where it waits
    }

    /** As a lane does it that hears of a grant. */
    @Operation(runOnce = true)
    fun grant() {
        if (pending.claim()) {
            isGranted = true
            parts.session.hold(slot)
            view.hold(slot)
            pending.resume(offered)
        }
    }

    @Operation(runOnce = true)
    fun cancel(): Unit = waits.cancel()

    @Operation(runOnce = true)
    fun timeOut(): Unit = parts.lane.fail(pending, IllegalStateException("out of time"))

    @Operation
    fun callerRuns(): Unit = caller.run()

    @Operation(runOnce = true)
    fun close(): Unit = view.close()

    @Validate
    fun nothingLeaks() {
        caller.run()
        val isTheirs = got != null
        check(!isTheirs || isGranted) { "has a slot that was not granted" }
        if (isGranted && !isTheirs) check(!slot.isOpen) { "granted, not theirs, and not given back" }
        if (!pending.isOpen) check(parts.lane.use.ownWaiting == 0) { "waits no more, and counts as ${parts.lane.use.ownWaiting}" }
        check(parts.givenBack() <= 1) { "given back more than once" }
    }

    /** Runs when it is told to. */
    private class Caller : CoroutineDispatcher() {
        private val steps = ConcurrentLinkedQueue<Runnable>()

        override fun dispatch(
            context: CoroutineContext,
            block: Runnable,
        ) {
            steps += block
        }

        fun run() {
            while (true) (steps.poll() ?: return).run()
        }
    }
}
