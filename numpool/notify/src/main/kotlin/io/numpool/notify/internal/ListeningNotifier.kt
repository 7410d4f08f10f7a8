package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import io.numpool.notify.Gap
import io.numpool.notify.ListenUnavailableException
import io.numpool.notify.NoListenConnectionException
import io.numpool.notify.Notification
import io.numpool.notify.Notifier
import io.numpool.notify.NotifierClosedException
import io.numpool.notify.NotifierEvent
import io.numpool.notify.NotifierMode
import io.numpool.notify.NotifierOptions
import io.numpool.notify.NotifierStatistics
import io.numpool.notify.PublishException
import io.numpool.notify.Subscription
import io.numpool.notify.internal.Mailbox.State
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asContextElement
import kotlinx.coroutines.cancel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.job
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.sql.Connection
import java.sql.SQLException
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeMark
import kotlin.time.TimeSource
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration

/** Owns the [Listener], the way out and every handler's coroutine; closes them all. */
internal class ListeningNotifier(
    private val connections: ConnectionProvider,
    sender: ConnectionProvider,
    private val options: NotifierOptions,
) : Notifier {
    override val name: String get() = options.name

    private val mutableModes = MutableStateFlow<NotifierMode>(NotifierMode.Connecting(null))
    override val modes: StateFlow<NotifierMode> = mutableModes.asStateFlow()
    override val mode: NotifierMode get() = modes.value
    override val prompt: Boolean get() = connections.prompt
    override val isHealthy: Boolean get() = mode is NotifierMode.Listening
    override val statistics: NotifierStatistics get() = counters.look()

    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default + CoroutineName("numpool-notify $name"))

    /** Set on a thread while it runs a handler: that can't wait for its own end. */
    private val handling = ThreadLocal<Boolean>()
    private val handlers =
        CoroutineScope(scope.coroutineContext + SupervisorJob(scope.coroutineContext.job) + handling.asContextElement(true))

    /** Outlives the others, which it ends. */
    private val closer = CoroutineScope(Dispatchers.Default + CoroutineName("numpool-notify $name"))

    private val counters = Counters()
    private val reports = Reports(name, options.observer, counters)
    private val subscriptions = Subscriptions()
    private val watchdog = Watchdog.of(options) { reports.error(it, null) }

    /** Threads beside those of Dispatchers.IO, which somebody else's work may all have taken. */
    private val io = Dispatchers.IO.limitedParallelism(IO_THREADS)
    private val opener = Opener(sender, NotifierThreads(options.name, "sender"))
    private val outlet =
        Outlet(
            sender,
            Sending.Guard(opener, watchdog, io, options.connectTimeout.toKotlinDuration(), options.publishTimeout.toKotlinDuration()),
            scope,
        )
    private val listener = Listener(options, connections, subscriptions, outlet, reports, counters, watchdog, io, scope, ::enter)

    private val closing = AtomicBoolean()
    private val closed = CompletableDeferred<Unit>()

    /** Why it gave up. */
    @Volatile
    private var cause: Throwable? = null

    fun start() {
        outlet.start()
        listener.start(::giveUp)
    }

    override suspend fun subscribe(
        channel: String,
        onGap: suspend (Gap) -> Unit,
        handler: suspend (Notification) -> Unit,
    ): Subscription {
        val subscription = register(channel, onGap, handler)
        try {
            subscription.awaitListening()
        } catch (e: Throwable) {
            subscription.close()
            throw e
        }
        return subscription
    }

    override fun register(
        channel: String,
        onGap: suspend (Gap) -> Unit,
        handler: suspend (Notification) -> Unit,
    ): Subscription {
        val mailbox = mailbox(channel, startWithGap = false)
        val loop = HandlerLoop(mailbox, options.handlerTimeout.toKotlinDuration(), reports, onGap, handler)
        add(mailbox)
        handlers.launch { loop.run() }.invokeOnCompletion { remove(mailbox) }
        return Registered(mailbox)
    }

    override fun events(
        channel: String,
        startWithGap: Boolean,
    ): Flow<NotifierEvent> {
        requireChannelName(channel)
        return flow {
            val mailbox = mailbox(channel, startWithGap)
            add(mailbox)
            try {
                while (true) emit(mailbox.take() ?: break)
            } finally {
                remove(mailbox)
            }
        }
    }

    override suspend fun publish(
        channel: String,
        payload: String,
    ) {
        check(channel, payload)
        try {
            outlet.notify(channel, payload)
        } catch (e: Throwable) {
            currentCoroutineContext().ensureActive()
            checkOpen()
            throw PublishException(channel, "could not notify $channel: ${e.message}", e)
        }
    }

    override fun publish(
        connection: Connection,
        channel: String,
        payload: String,
    ) {
        check(channel, payload)
        try {
            connection.notify(channel, payload)
        } catch (e: SQLException) {
            throw PublishException(channel, "could not notify $channel: ${e.message}", e)
        }
    }

    override suspend fun queueUsage(): Double {
        checkOpen()
        try {
            return outlet.use { it.texts("SELECT pg_catalog.pg_notification_queue_usage()").single().toDouble() }
        } catch (e: Throwable) {
            currentCoroutineContext().ensureActive()
            checkOpen()
            throw e
        }
    }

    private fun check(
        channel: String,
        payload: String,
    ) {
        requireChannelName(channel)
        requirePayload(payload, options.maxPayloadBytes)
        checkOpen()
    }

    override suspend fun <T> onListenConnection(
        timeout: Duration,
        block: (Connection) -> T,
    ): T {
        val errand = Errand(timeout.inWholeNanoseconds, block)
        listener.add(errand)
        try {
            checkOpen()
            listener.ring()
            withTimeoutOrNull(timeout) { errand.result.join() }
            if (errand.abandon()) throw noConnection(timeout)
            return errand.result.await()
        } finally {
            if (errand.abandon()) listener.remove(errand)
        }
    }

    override fun close() {
        if (waitsForItself()) {
            closer.launch { end(null) }
            return
        }
        try {
            runBlocking { shutdown() }
        } catch (e: InterruptedException) {
            // It has waited all the same.
            Thread.currentThread().interrupt()
        }
    }

    override suspend fun shutdown() {
        if (waitsForItself()) closer.launch { end(null) } else withContext(NonCancellable) { end(null) }
    }

    /** The listener's own thread (a hook, an errand), or a handler. */
    private fun waitsForItself() = listener.isCaller || handling.get() == true

    private fun giveUp(error: Throwable) {
        reports.tell { onGaveUp(options.reconnectAttempts, error) }
        closer.launch { end(error) }
    }

    /** With [error] when it gave up. */
    private suspend fun end(error: Throwable?) {
        if (!closing.compareAndSet(false, true)) return closed.await()
        cause = error
        mutableModes.value = NotifierMode.Closed(error?.let { it.message ?: it.toString() })
        val patience = TimeSource.Monotonic.markNow() + options.closeTimeout.toKotlinDuration()
        try {
            listener.cancel()
            listener.awaitEnd(patience.left())
            listener.failErrands(closedException())
            subscriptions.all().forEach { it.end(error?.let { closedException() }) }
            withTimeoutOrNull(patience.left()) {
                handlers.coroutineContext.job.children
                    .toList()
                    .joinAll()
            }
            outlet.finish(patience.left())
        } finally {
            scope.cancel()
            outlet.close()
            // Bounded, because neither a handler nor a driver can be forced to end.
            withTimeoutOrNull(LAST_PATIENCE) { scope.coroutineContext.job.join() }
            listener.endThread(LAST_PATIENCE)
            watchdog.close()
            opener.awaitEnd(LAST_PATIENCE)
            withContext(io) { watchdog.awaitEnd(LAST_PATIENCE) }
            closed.complete(Unit)
        }
    }

    private fun TimeMark.left(): Duration = (-elapsedNow()).coerceAtLeast(Duration.ZERO)

    private fun enter(mode: NotifierMode) {
        mutableModes.update { if (it is NotifierMode.Closed) it else mode }
    }

    private fun mailbox(
        channel: String,
        startWithGap: Boolean,
    ) = Mailbox(requireChannelName(channel), startWithGap, options.bufferSize, options.bufferPolicy, counters, listener::ring)

    private fun add(mailbox: Mailbox) {
        checkOpen()
        subscriptions.add(mailbox)
        if (closing.get()) mailbox.end()
        listener.ring()
    }

    private fun remove(mailbox: Mailbox) {
        subscriptions.remove(mailbox)
        mailbox.discard()
    }

    private fun checkOpen() {
        if (closing.get()) throw closedException()
    }

    private fun closedException(): NotifierClosedException {
        val reason = (mode as? NotifierMode.Closed)?.reason
        return NotifierClosedException(if (reason == null) "notifier $name is closed" else "notifier $name gave up: $reason", cause)
    }

    private fun noConnection(timeout: Duration) =
        NoListenConnectionException(timeout.toJavaDuration(), "no LISTEN connection within $timeout, notifier $name is $mode")

    private inner class Registered(
        private val mailbox: Mailbox,
    ) : Subscription {
        override val channel: String get() = mailbox.channel

        override suspend fun awaitListening() {
            val (mode, state) = combine(modes, mailbox.state, ::Pair).first { (mode, state) -> state != State.WAITING || mode.isHopeless() }
            when {
                state == State.LISTENING -> return
                mode is NotifierMode.Unavailable -> throw ListenUnavailableException("can't listen to $channel: ${mode.reason}")
                closing.get() -> throw closedException()
                else -> throw mailbox.failure ?: NotifierClosedException("subscription to $channel is closed")
            }
        }

        override fun close(): Unit = remove(mailbox)
    }

    private companion object {
        const val IO_THREADS = 4
        val LAST_PATIENCE = 1.seconds

        fun NotifierMode.isHopeless() = this is NotifierMode.Unavailable || this is NotifierMode.Closed
    }
}
