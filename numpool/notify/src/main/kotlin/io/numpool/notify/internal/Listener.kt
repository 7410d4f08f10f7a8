package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import io.numpool.notify.NotifierMode
import io.numpool.notify.NotifierOptions
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.util.UUID
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.time.Duration

/** Owns the listener's coroutine and thread, the watchdog's thread, and what wakes the listener. */
internal class Listener(
    options: NotifierOptions,
    connections: ConnectionProvider,
    subscriptions: Subscriptions,
    private val outlet: Outlet,
    private val reports: Reports,
    counters: Counters,
    private val watchdog: Watchdog,
    private val io: CoroutineDispatcher,
    private val scope: CoroutineScope,
    setMode: (NotifierMode) -> Unit,
) {
    private val channel = "numpool_notify_" + UUID.randomUUID().toString().replace("-", "")
    private val threads = NotifierThreads(options.name, "listener")
    private val thread = Executors.newSingleThreadExecutor(threads)
    private val wakes = Channel<Unit>(Channel.CONFLATED)
    private val doorbell = Doorbell { wakes.trySend(Unit) }
    private val errands = ConcurrentLinkedQueue<Errand<*>>()
    private val context =
        ListenContext(options, subscriptions, errands, doorbell, watchdog, Echo(channel, outlet, scope), reports, counters)
    private val opener = Opener(connections, NotifierThreads(options.name, "connect"))
    private val loop = ListenLoop(opener, context, setMode)
    private lateinit var coroutine: Job

    /** Whether the caller runs on the listener's thread. */
    val isCaller: Boolean get() = threads.current

    fun start(onGaveUp: (Throwable) -> Unit) {
        scope.launch { sendWakes() }
        coroutine = scope.launch(thread.asCoroutineDispatcher()) { onGaveUp(loop.run()) }
        // An Error ends the listener's coroutine; silence would be deafness.
        coroutine.invokeOnCompletion { if (it is Error) onGaveUp(it) }
    }

    /** There is something to do between two reads. */
    fun ring(): Unit = doorbell.ring()

    fun add(errand: Errand<*>) {
        errands.add(errand)
    }

    fun remove(errand: Errand<*>) {
        errands.remove(errand)
    }

    /** Tells the listener to end, and frees it when it is reading. Doesn't wait. */
    fun cancel() {
        coroutine.cancel()
        wakes.close()
        doorbell.ring()
        if (doorbell.reading) abort()
    }

    /** After [cancel]: waits until it has ended, aborting its connection after [patience], and delivers what was read. */
    suspend fun awaitEnd(patience: Duration) {
        withTimeoutOrNull(patience) { coroutine.join() } ?: abort()
        if (coroutine.isCompleted) context.delivery.flush(force = true)
    }

    fun failErrands(cause: Throwable) {
        while (true) (errands.poll() ?: return).fail(cause)
    }

    suspend fun endThread(patience: Duration) {
        thread.shutdown()
        withContext(io) { thread.awaitTermination(patience.inWholeMilliseconds, TimeUnit.MILLISECONDS) }
        opener.awaitEnd(patience)
    }

    private fun abort() {
        loop.connection?.let(watchdog::abort)
    }

    private suspend fun sendWakes() {
        for (wake in wakes) {
            try {
                if (doorbell.reading) outlet.notify(channel, "wake")
            } catch (e: Throwable) {
                currentCoroutineContext().ensureActive()
                // The listener looks up at its next ping.
                reports.error(e, null)
            }
        }
    }
}
