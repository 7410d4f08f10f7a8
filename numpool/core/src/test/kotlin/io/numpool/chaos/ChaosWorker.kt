package io.numpool.chaos

import io.numpool.AcquireTimeoutException
import io.numpool.CapacityExceededException
import io.numpool.Numpool
import io.numpool.PoolConflictException
import io.numpool.PoolDeletedException
import io.numpool.PoolNotFoundException
import io.numpool.Resource
import io.numpool.ResourceLostException
import io.numpool.ResourcePool
import io.numpool.StoreUnavailableException
import io.numpool.testkit.History
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds

/** Somebody who asks for slots of a pool, uses and returns them, and puts up with what the library says may happen. */
internal class ChaosWorker(
    private val client: Numpool,
    private val shared: SharedPool,
    private val history: History,
    private val random: Random,
    private val nextRequest: () -> String,
) {
    suspend fun work(stopped: () -> Boolean) {
        var pool: ResourcePool? = null
        while (!stopped()) {
            try {
                val known = pool ?: shared()
                pool = known
                turn(known)
            } catch (_: PoolDeletedException) {
                pool = null
                delay(PAUSE)
            } catch (_: StoreUnavailableException) {
                delay(PAUSE)
            } catch (_: CapacityExceededException) {
                delay(PAUSE)
            } catch (_: AcquireTimeoutException) {
            } catch (_: ResourceLostException) {
            } catch (e: Exception) {
                currentCoroutineContext().ensureActive() // any other cancellation is the library's
                ChaosClient.say("unexpected in ${shared.id}: ${e.stackTraceToString().replace("\n", " | ")}")
                delay(PAUSE)
            }
        }
    }

    /** Gets or makes it, as many may do at once, while others change its capacity. */
    private suspend fun shared(): ResourcePool =
        try {
            client.pool(shared.id)
        } catch (_: PoolNotFoundException) {
            try {
                client.pool(shared.id, shared.capacity)
            } catch (_: PoolConflictException) {
                delay(PAUSE)
                shared()
            }
        }

    private suspend fun turn(pool: ResourcePool) {
        val request = nextRequest()
        history.asked(shared.id, request)
        val slots = random.nextInt(1, shared.atOnce + 1)
        when (random.nextInt(WAYS)) {
            0, 1 -> {
                pool.withResource { use(request, listOf(it)) }
            }

            2 -> {
                pool.withResources(slots) { use(request, it) }
            }

            3 -> {
                pool.acquire().use { use(request, listOf(it)) }
            }

            4 -> {
                pool.acquire(slots).use { use(request, it) }
            }

            5 -> {
                pool.acquire(timeout = someTime()).use { use(request, listOf(it)) }
            }

            6 -> {
                pool.tryAcquire()?.use { use(request, listOf(it)) } ?: delay(someTime())
            }

            7 -> {
                pool.tryAcquire(slots)?.use { use(request, it) } ?: delay(someTime())
            }

            8 -> {
                pool.acquire().let {
                    try {
                        use(request, listOf(it))
                    } finally {
                        it.release()
                    }
                }
            }

            else -> {
                cancelled { pool.acquire().use { use(request, listOf(it)) } }
            }
        }
    }

    private suspend fun cancelled(turn: suspend () -> Unit) =
        coroutineScope {
            val turning = launch { turn() }
            delay(someTime())
            turning.cancel()
        }

    /**
     * Does something with the slots for a while, each for as long as it is held. The moments that are written down are taken before the look
     * that saw the slot held: this process may be frozen anywhere.
     */
    private suspend fun use(
        request: String,
        slots: List<Resource>,
    ) {
        val seen = HashMap<Resource, Long>()
        for (slot in slots) {
            val now = System.nanoTime()
            if (!slot.isHeld) continue
            seen[slot] = now
            history.granted(slot.pool, request, slot.index, slot.token, now)
        }
        try {
            val longest = if (random.nextInt(SHORT_TO_LONG) == 0) LONG_NANOS else SHORT_NANOS
            val until = System.nanoTime() + random.nextLong(longest)
            while (seen.isNotEmpty() && System.nanoTime() < until) {
                look(seen)
                delay(LOOK)
            }
        } finally {
            look(seen)
            seen.forEach { (slot, at) -> history.ended(slot.pool, slot.index, slot.token, at) }
        }
    }

    private fun look(seen: MutableMap<Resource, Long>) {
        val each = seen.entries.iterator()
        for (entry in each) {
            val now = System.nanoTime()
            val slot = entry.key
            if (slot.isHeld) {
                entry.setValue(now)
            } else {
                history.lost(slot.pool, slot.index, slot.token, entry.value)
                each.remove()
            }
        }
    }

    private fun someTime() = random.nextLong(LONGEST_MILLIS).milliseconds

    private companion object {
        const val WAYS = 10
        const val SHORT_TO_LONG = 10
        const val SHORT_NANOS = 40_000_000L
        const val LONG_NANOS = 1_500_000_000L
        const val LONGEST_MILLIS = 200L
        val LOOK = 5.milliseconds
        val PAUSE = 50.milliseconds
    }
}
