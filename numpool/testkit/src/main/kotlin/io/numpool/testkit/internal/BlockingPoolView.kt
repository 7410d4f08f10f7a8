package io.numpool.testkit.internal

import io.numpool.testkit.BlockingPool
import io.numpool.testkit.SuspendingPool
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withContext

/** A blocking pool as a suspending one, on a thread per waiter. */
internal class BlockingPoolView<R : Any>(
    private val pool: BlockingPool<R>,
) : SuspendingPool<R> {
    override val capacity: Int get() = pool.capacity()

    override val clients: Int get() = pool.clients()

    // Released here when cancellation comes between its return and ours.
    override suspend fun acquire(client: Int): R {
        var acquired: R? = null
        try {
            return runInterruptible(Dispatchers.IO) { pool.acquire(client).also { acquired = it } }
        } catch (failed: Throwable) {
            acquired?.let(pool::release)
            throw failed
        }
    }

    override suspend fun release(resource: R) = withContext(Dispatchers.IO) { pool.release(resource) }

    override suspend fun waiting(): Int = withContext(Dispatchers.IO) { pool.waiting() }

    override fun slot(resource: R): Any = pool.slot(resource)

    override fun close() = pool.close()
}
