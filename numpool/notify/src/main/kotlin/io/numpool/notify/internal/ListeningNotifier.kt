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
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
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
    private val handlers = CoroutineScope(scope.coroutineContext + SupervisorJob(scope.coroutineContext.job))

    /** Outlives the others, which it ends. */
    private val closer = CoroutineScope(Dispatchers.Default + CoroutineName("numpool-notify $name"))

    private val counters = Counters()
    private val reports = Reports(name, options.observer, counters)
    private val subscriptions = Subscriptions()
    private val watchdog = Watchdog.of(options) { reports.error(it, null) }
    private val outlet = Outlet(sender, options.publishTimeout.toKotlinDuration(), watchdog, scope)
    private val listener = Listener(options, connections, subscriptions, outlet, reports, counters, watchdog, scope, ::enter)

    private val closing = AtomicBoolean()
    private val closed = CompletableDeferred<Unit>()

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
        handlers.launch { loop.run() }
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
        } catch (e: CancellationException) {
            currentCoroutineContext().ensureActive()
            checkOpen()
            throw PublishException(channel, "could not notify $channel: the sender has ended", e)
        } catch (e: Exception) {
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
        return outlet.use { connection ->
            connection.createStatement().use { statement ->
                statement.executeQuery("SELECT pg_catalog.pg_notification_queue_usage()").use {
                    it.next()
                    it.getDouble(1)
                }
            }
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

    // The listener's own thread (a hook, an errand) can't wait for itself.
    override fun close() {
        if (listener.isCaller) closer.launch { end(null) } else runBlocking { shutdown() }
    }

    override suspend fun shutdown(): Unit = withContext(NonCancellable) { end(null) }

    private fun giveUp(error: Throwable) {
        reports.tell { onGaveUp(options.reconnectAttempts, error) }
        closer.launch { end(error) }
    }

    /** With [cause] when it gave up. */
    private suspend fun end(cause: Throwable?) {
        if (!closing.compareAndSet(false, true)) return closed.await()
        mutableModes.value = NotifierMode.Closed(cause?.let { it.message ?: it.toString() })
        val patience = options.closeTimeout.toKotlinDuration()
        listener.cancel()
        listener.awaitEnd(patience)
        listener.failErrands(closedException(cause))
        subscriptions.all().forEach { it.end(cause?.let(::closedException)) }
        withTimeoutOrNull(patience) {
            handlers.coroutineContext.job.children
                .toList()
                .joinAll()
        }
        outlet.finish(patience)
        scope.cancel()
        outlet.close()
        // Bounded, because neither a handler nor a driver can be forced to end.
        withTimeoutOrNull(LAST_PATIENCE) { scope.coroutineContext.job.join() }
        listener.endThread(LAST_PATIENCE)
        watchdog.close()
        withContext(Dispatchers.IO) { watchdog.awaitEnd(LAST_PATIENCE.inWholeNanoseconds) }
        closed.complete(Unit)
    }

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
        if (closing.get()) throw closedException(null)
    }

    private fun closedException(cause: Throwable?): NotifierClosedException {
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
            val states = combine(modes, mailbox.listening, ::Pair)
            val (mode, listening) = states.first { (mode, listening) -> listening || mode.isHopeless() }
            if (listening) return
            if (mode is NotifierMode.Unavailable) throw ListenUnavailableException("can't listen to $channel: ${mode.reason}")
            throw closedException(null)
        }

        override fun close(): Unit = remove(mailbox)
    }

    private companion object {
        val LAST_PATIENCE = 1.seconds

        fun NotifierMode.isHopeless() = this is NotifierMode.Unavailable || this is NotifierMode.Closed
    }
}
