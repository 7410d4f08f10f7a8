package io.numpool.internal

import com.fasterxml.jackson.databind.JsonNode
import io.numpool.AcquireOptions
import io.numpool.Finding
import io.numpool.Numpool
import io.numpool.NumpoolAsync
import io.numpool.NumpoolListener
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.PoolStatus
import io.numpool.PoolSummary
import io.numpool.Resource
import io.numpool.ResourceAsync
import io.numpool.ResourceGroup
import io.numpool.ResourceGroupAsync
import io.numpool.ResourceLostException
import io.numpool.ResourcePool
import io.numpool.ResourcePoolAsync
import io.numpool.ResourceState
import io.numpool.SessionStatus
import io.numpool.Waiter
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.future.await
import kotlinx.coroutines.jdk9.flowPublish
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.jooq.DSLContext
import java.sql.Connection
import java.util.Optional
import java.util.UUID
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executor
import java.util.concurrent.Flow
import java.util.concurrent.FutureTask
import java.util.concurrent.atomic.AtomicBoolean
import java.util.function.Function
import java.util.function.Supplier
import javax.sql.DataSource
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration
import java.time.Duration as JavaDuration

/** The bridge from suspend calls to futures: the Java face of a client, a view of the Kotlin one. */
internal object Futures {
    /** Never cancelled: what runs in it ends when the client it belongs to is closed. */
    private val scope = CoroutineScope(SupervisorJob())

    @JvmStatic
    fun open(
        dataSource: DataSource,
        options: NumpoolOptions,
    ): NumpoolAsync = ClientView(runBlocking { Opening(dataSource, options).open() })

    @JvmStatic
    fun open(
        url: String,
        user: String?,
        password: String?,
        options: NumpoolOptions,
    ): NumpoolAsync = ClientView(runBlocking { Opening(JdbcUrl.parse(url, user, password), options).open() })

    /**
     * Cancelling the future cancels the call. A value that the future does not take any more goes to [dropped]. The call begins here, not on
     * another thread: who asks first on a thread is first in the queue.
     */
    fun <T> future(
        dropped: (T) -> Unit = {},
        call: suspend () -> T,
    ): CompletableFuture<T> {
        val future = CompletableFuture<T>()
        val job =
            scope.launch(start = CoroutineStart.UNDISPATCHED) {
                try {
                    val value = call()
                    if (!future.complete(value)) dropped(value)
                } catch (e: CancellationException) {
                    future.cancel(false)
                    throw e
                } catch (e: Throwable) {
                    future.completeExceptionally(e)
                }
            }
        future.whenComplete { _, _ -> job.cancel() } // cancelled, timed out, completed by somebody else
        return future
    }

    @Suppress("UNCHECKED_CAST") // Java's Void has no other value than null
    fun done(call: suspend () -> Unit): CompletableFuture<Void> =
        future<Void?> {
            call()
            null
        } as CompletableFuture<Void>

    /** Runs [block] on [executor]; when cancelled, interrupts it and waits until it has ended: only then may its slot go on. */
    suspend fun <T> blocking(
        executor: Executor,
        block: () -> T,
    ): T {
        val begun = AtomicBoolean()
        val ended = CompletableDeferred<Unit>()
        val task = FutureTask(block)
        executor.execute {
            if (begun.compareAndSet(false, true)) task.run()
            ended.complete(Unit)
        }
        try {
            ended.await()
        } catch (e: CancellationException) {
            if (begun.compareAndSet(false, true)) throw e // an executor that has dropped it would never end it
            task.cancel(true)
            withContext(NonCancellable) { ended.await() }
            throw e
        }
        try {
            return task.get()
        } catch (e: ExecutionException) {
            throw e.cause ?: e
        }
    }

    fun defaultExecutor(): Executor = CompletableFuture<Unit>().defaultExecutor()
}

/** Threads enough for handlers that block. The common pool may have but one. */
private val TELLERS: Executor = Dispatchers.IO.asExecutor()

private class ClientView(
    private val client: Numpool,
) : NumpoolAsync {
    override fun name(): String = client.name

    override fun session(): Long = client.session

    override fun mode(): NumpoolMode = client.mode

    override fun modeReason(): Optional<String> = Optional.ofNullable(client.modeReason)

    override fun pool(id: String): CompletableFuture<ResourcePoolAsync> = Futures.future { PoolFutures(client.pool(id)) }

    override fun pool(
        id: String,
        capacity: Int,
    ): CompletableFuture<ResourcePoolAsync> = pool(id, capacity, null)

    override fun pool(
        id: String,
        capacity: Int,
        metadata: Any?,
    ): CompletableFuture<ResourcePoolAsync> = Futures.future { PoolFutures(client.pool(id, capacity, metadata)) }

    override fun pools(prefix: String): CompletableFuture<List<PoolSummary>> = Futures.future { client.pools(prefix) }

    override fun deletePool(
        id: String,
        force: Boolean,
    ): CompletableFuture<Void> = Futures.done { client.deletePool(id, force) }

    override fun sessions(): CompletableFuture<List<SessionStatus>> = Futures.future { client.sessions() }

    override fun evictSession(session: Long): CompletableFuture<Int> = Futures.future { client.evictSession(session) }

    override fun addListener(listener: NumpoolListener) = client.addListener(listener)

    override fun removeListener(listener: NumpoolListener) = client.removeListener(listener)

    override fun inspect(): CompletableFuture<List<Finding>> = Futures.future { client.inspect() }

    override fun listen(): CompletableFuture<Void> = Futures.done { client.listen() }

    override fun cleanup(): CompletableFuture<Void> = Futures.done { client.cleanup() }

    override fun close() = client.close()
}

private class PoolFutures(
    private val pool: ResourcePool,
) : StatusPublisher() {
    override fun id(): String = pool.id

    override fun capacity(): Int = pool.capacity

    override fun handOver(): Boolean = pool.handOver

    override fun handOver(value: Boolean) {
        pool.handOver = value
    }

    override fun acquire(): CompletableFuture<ResourceAsync> = acquire(AcquireOptions.defaults())

    override fun acquire(timeout: JavaDuration): CompletableFuture<ResourceAsync> =
        acquire(AcquireOptions.builder().timeout(timeout).build())

    override fun acquire(options: AcquireOptions): CompletableFuture<ResourceAsync> =
        Futures.future({ it.close() }) { ResourceFutures(pool.acquire(options.time, options.what, options.request)) }

    override fun tryAcquire(): CompletableFuture<Optional<ResourceAsync>> = tryAcquire(AcquireOptions.defaults())

    override fun tryAcquire(options: AcquireOptions): CompletableFuture<Optional<ResourceAsync>> =
        Futures.future({ it.ifPresent { resource -> resource.close() } }) {
            Optional.ofNullable(pool.tryAcquire(options.what, options.request)?.let { ResourceFutures(it) })
        }

    override fun acquire(slots: Int): CompletableFuture<ResourceGroupAsync> = acquire(slots, AcquireOptions.defaults())

    override fun acquire(
        slots: Int,
        options: AcquireOptions,
    ): CompletableFuture<ResourceGroupAsync> =
        Futures.future({ it.close() }) { GroupFutures(pool.acquire(slots, options.time, options.what, options.request)) }

    override fun tryAcquire(slots: Int): CompletableFuture<Optional<ResourceGroupAsync>> = tryAcquire(slots, AcquireOptions.defaults())

    override fun tryAcquire(
        slots: Int,
        options: AcquireOptions,
    ): CompletableFuture<Optional<ResourceGroupAsync>> =
        Futures.future({ it.ifPresent { group -> group.close() } }) {
            Optional.ofNullable(pool.tryAcquire(slots, options.what, options.request)?.let { GroupFutures(it) })
        }

    override fun <T> withResources(
        slots: Int,
        block: Function<in ResourceGroupAsync, out T>,
    ): CompletableFuture<T> = withResources(slots, AcquireOptions.defaults(), Futures.defaultExecutor(), block)

    override fun <T> withResources(
        slots: Int,
        options: AcquireOptions,
        executor: Executor,
        block: Function<in ResourceGroupAsync, out T>,
    ): CompletableFuture<T> {
        notNamed(options)
        return Futures.future {
            pool.withResources(slots, options.time, options.what) { Futures.blocking(executor) { block.apply(GroupFutures(it)) } }
        }
    }

    override fun evict(index: Int): CompletableFuture<Boolean> = Futures.future { pool.evict(index) }

    override fun <T> withResource(block: Function<in ResourceAsync, out T>): CompletableFuture<T> =
        withResource(AcquireOptions.defaults(), Futures.defaultExecutor(), block)

    override fun <T> withResource(
        options: AcquireOptions,
        executor: Executor,
        block: Function<in ResourceAsync, out T>,
    ): CompletableFuture<T> = using(options) { Futures.blocking(executor) { block.apply(ResourceFutures(it)) } }

    override fun <T> withResourceAsync(
        options: AcquireOptions,
        block: Function<in ResourceAsync, out CompletionStage<T>>,
    ): CompletableFuture<T> = using(options) { block.apply(ResourceFutures(it)).await() }

    private fun <T> using(
        options: AcquireOptions,
        block: suspend (Resource) -> T,
    ): CompletableFuture<T> {
        notNamed(options)
        return Futures.future { pool.withResource(options.time, options.what, block) }
    }

    private fun notNamed(options: AcquireOptions) =
        require(options.request == null) { "requestId ${options.request}: not with withResource, which gives the slot back" }

    override fun <T> withLock(block: Supplier<out T>): CompletableFuture<T> =
        Futures.future { pool.withLock { Futures.blocking<T>(Futures.defaultExecutor()) { block.get() } } }

    override fun resize(capacity: Int): CompletableFuture<Void> = Futures.done { pool.resize(capacity) }

    override fun status(): CompletableFuture<PoolStatus> = Futures.future { pool.status() }

    override fun queue(): CompletableFuture<List<Waiter>> = Futures.future { pool.queue() }

    // asPublisher would take a request for 0, against rule 3.9 of Reactive Streams
    override fun publisher(interval: JavaDuration): Flow.Publisher<PoolStatus> {
        val statuses = pool.statuses(interval.toKotlinDuration()).conflate()
        return flowPublish { statuses.collect { send(it) } }
    }

    override fun metadata(): Optional<JsonNode> = Optional.ofNullable(pool.metadata)

    override fun <T : Any> metadata(type: Class<T>): Optional<T> = Optional.ofNullable(pool.metadata(type))

    override fun updateMetadata(value: Any?): CompletableFuture<Void> = Futures.done { pool.updateMetadata(value) }

    override fun refresh(): CompletableFuture<Void> = Futures.done { pool.refresh() }

    override fun close() = pool.close()
}

private class ResourceFutures(
    private val resource: Resource,
) : ResourceAsync {
    override fun pool(): String = resource.pool

    override fun index(): Int = resource.index

    override fun token(): Long = resource.token

    override fun label(): Optional<String> = Optional.ofNullable(resource.label)

    override fun isHeld(): Boolean = resource.isHeld

    override fun heldFor(): JavaDuration = resource.heldFor.toJavaDuration()

    override fun state(): ResourceState = resource.state

    override fun release(): CompletableFuture<ResourceState> {
        resource.close()
        return Futures.future { resource.release() }
    }

    override fun fence(connection: Connection) = resource.fence(connection)

    override fun fence(dsl: DSLContext) = resource.fence(dsl)

    override fun lost(): CompletableFuture<ResourceLostException> =
        // not here: whoever tells of a loss has others to tell
        CompletableFuture<ResourceLostException>().also { future -> (resource as Held).onLost { future.completeAsync({ it }, TELLERS) } }

    override fun close() = resource.close()

    override fun toString(): String = resource.toString()
}

private class GroupFutures(
    private val group: ResourceGroup,
) : ResourceGroupAsync {
    private val members: List<ResourceAsync> = group.map { ResourceFutures(it) }

    override fun resources(): List<ResourceAsync> = members

    override fun isHeld(): Boolean = group.isHeld

    override fun release(): CompletableFuture<List<ResourceState>> {
        group.close()
        return Futures.future { group.release() }
    }

    override fun close() = group.close()

    override fun toString(): String = group.toString()
}

private val AcquireOptions.time: Duration get() = timeout().map { it.toKotlinDuration() }.orElse(Duration.INFINITE)

private val AcquireOptions.what: String? get() = label().orElse(null)

private val AcquireOptions.request: UUID? get() = requestId().orElse(null)
