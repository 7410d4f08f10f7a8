package io.numpool.notify.internal

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import java.time.Instant
import java.util.concurrent.atomic.AtomicLong

/** Sends notifications to the process's own private [channel], on another connection than the one that listens. */
internal class Echo(
    val channel: String,
    private val outlet: Outlet,
    private val scope: CoroutineScope,
) {
    /** One on its way; [sentNanos] and [failure] are written by the sender, at most one of them. */
    class Call(
        val payload: String,
    ) {
        /** What is sent before is in the queue before it. */
        val begun: Instant = Instant.now()

        @Volatile
        var sentNanos: Long? = null

        @Volatile
        var failure: Throwable? = null
    }

    private val numbers = AtomicLong()

    fun call(): Call {
        val call = Call("echo ${numbers.incrementAndGet()}")
        scope.launch {
            try {
                outlet.notify(channel, call.payload)
                call.sentNanos = System.nanoTime()
            } catch (e: Throwable) {
                currentCoroutineContext().ensureActive()
                call.failure = e
            }
        }
        return call
    }
}
