package io.numpool.notify.internal

import io.numpool.notify.ConnectionFunction
import io.numpool.notify.Gap
import io.numpool.notify.Notification
import io.numpool.notify.Notifier
import io.numpool.notify.NotifierAsync
import io.numpool.notify.NotifierEvent
import io.numpool.notify.NotifierMode
import io.numpool.notify.NotifierStatistics
import io.numpool.notify.Subscription
import io.numpool.notify.SubscriptionAsync
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.future.await
import kotlinx.coroutines.future.future
import kotlinx.coroutines.jdk9.flowPublish
import kotlinx.coroutines.runInterruptible
import java.sql.Connection
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.concurrent.Executor
import java.util.function.Consumer
import java.util.function.Function
import kotlin.time.toKotlinDuration

/** The bridge from suspend calls to futures. */
internal object Futures {
    @JvmStatic
    fun view(notifier: Notifier): NotifierAsync = NotifierFutures(notifier)
}

/** Handlers that block at a time: more wait for a thread. */
private const val BLOCKING_HANDLERS = 64

private class NotifierFutures(
    private val notifier: Notifier,
) : EventPublishers() {
    /** Never cancelled: what runs in it ends when the notifier is closed. */
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** Threads beside those of Dispatchers.IO, which other work may all have taken. */
    private val blocking = Dispatchers.IO.limitedParallelism(BLOCKING_HANDLERS)

    override fun name(): String = notifier.name

    override fun mode(): NotifierMode = notifier.mode

    override fun modePublisher(): Any = publisher(notifier.modes)

    override fun isHealthy(): Boolean = notifier.isHealthy

    override fun statistics(): NotifierStatistics = notifier.statistics

    override fun prompt(): Boolean = notifier.prompt

    override fun subscribe(
        channel: String,
        handler: Consumer<in Notification>,
    ): CompletableFuture<SubscriptionAsync> = subscribe(channel, handler, {}, blocking)

    override fun subscribe(
        channel: String,
        handler: Consumer<in Notification>,
        onGap: Consumer<in Gap>,
    ): CompletableFuture<SubscriptionAsync> = subscribe(channel, handler, onGap, blocking)

    override fun subscribe(
        channel: String,
        handler: Consumer<in Notification>,
        onGap: Consumer<in Gap>,
        executor: Executor,
    ): CompletableFuture<SubscriptionAsync> = subscribe(channel, handler, onGap, executor.asCoroutineDispatcher())

    private fun subscribe(
        channel: String,
        handler: Consumer<in Notification>,
        onGap: Consumer<in Gap>,
        threads: CoroutineDispatcher,
    ): CompletableFuture<SubscriptionAsync> = listening { register(channel, handler, onGap, threads) }

    override fun register(
        channel: String,
        handler: Consumer<in Notification>,
        onGap: Consumer<in Gap>,
    ): SubscriptionAsync = SubscriptionFutures(register(channel, handler, onGap, blocking), scope)

    private fun register(
        channel: String,
        handler: Consumer<in Notification>,
        onGap: Consumer<in Gap>,
        threads: CoroutineDispatcher,
    ): Subscription =
        notifier.register(
            channel,
            onGap = { runInterruptible(threads) { onGap.accept(it) } },
            handler = { runInterruptible(threads) { handler.accept(it) } },
        )

    override fun subscribeAsync(
        channel: String,
        handler: Function<in NotifierEvent, out CompletionStage<*>>,
    ): CompletableFuture<SubscriptionAsync> {
        val handle: suspend (NotifierEvent) -> Unit = { handler.apply(it).await() }
        return listening { notifier.register(channel, handle, handle) }
    }

    /** A subscription whose future is cancelled or fails is closed. */
    private fun listening(register: () -> Subscription): CompletableFuture<SubscriptionAsync> {
        val subscription =
            try {
                register()
            } catch (e: Exception) {
                return CompletableFuture.failedFuture(e)
            }
        val view = SubscriptionFutures(subscription, scope)
        val future = scope.future<SubscriptionAsync> { view.also { subscription.awaitListening() } }
        future.whenComplete { _, error -> if (error != null) subscription.close() }
        return future
    }

    override fun eventPublisher(
        channel: String,
        startWithGap: Boolean,
    ): Any = publisher(notifier.events(channel, startWithGap))

    override fun publish(
        channel: String,
        payload: String,
    ): CompletableFuture<Void> = scope.done { notifier.publish(channel, payload) }

    override fun publish(
        connection: Connection,
        channel: String,
        payload: String,
    ): Unit = notifier.publish(connection, channel, payload)

    override fun queueUsage(): CompletableFuture<Double> = scope.future { notifier.queueUsage() }

    override fun <T> onListenConnection(
        timeout: Duration,
        block: ConnectionFunction<out T>,
    ): CompletableFuture<T> = scope.future { notifier.onListenConnection(timeout.toKotlinDuration()) { block.apply(it) } }

    override fun close(): Unit = notifier.close()

    override fun toString(): String = notifier.toString()
}

private class SubscriptionFutures(
    private val subscription: Subscription,
    private val scope: CoroutineScope,
) : SubscriptionAsync {
    override fun channel(): String = subscription.channel

    override fun listening(): CompletableFuture<Void> = scope.done { subscription.awaitListening() }

    override fun close(): Unit = subscription.close()
}

@Suppress("UNCHECKED_CAST") // Java's Void has no other value than null
private fun CoroutineScope.done(call: suspend () -> Unit): CompletableFuture<Void> =
    future<Void?> {
        call()
        null
    } as CompletableFuture<Void>

/** Begins when subscribed to, not at the first request; and unlike asPublisher refuses to be asked for 0 (rule 3.9 of Reactive Streams). */
private fun <T : Any> publisher(flow: Flow<T>) = flowPublish { flow.collect { send(it) } }
