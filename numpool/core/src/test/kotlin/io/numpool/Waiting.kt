package io.numpool

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration.Companion.milliseconds

/** Waits for a state that sends no signal (the database's, say); the failure carries the last value seen. */
suspend fun <T> await(
    what: String,
    read: suspend () -> T,
    wanted: (T) -> Boolean,
) {
    awaited(what, read, wanted)
}

/** The first value that is as wanted. */
suspend fun <T> awaited(
    what: String,
    read: suspend () -> T,
    wanted: (T) -> Boolean,
): T {
    var last = read()
    withTimeoutOrNull(PATIENCE) {
        while (!wanted(last)) {
            delay(5.milliseconds)
            last = read()
        }
    } ?: throw AssertionError("waited $PATIENCE for $what, last seen: $last")
    return last
}

suspend fun ResourcePool.awaitWaiting(length: Int): PoolStatus =
    awaited("$length waiting for pool '$id'", { status() }) {
        it.waiting() ==
            length
    }

suspend fun ResourcePool.awaitHeld(slots: Int): PoolStatus = awaited("$slots held of pool '$id'", { status() }) { it.held() == slots }

/** Nothing is held, nobody waits. */
suspend fun ResourcePool.awaitIdle(): PoolStatus = awaited("pool '$id' to be idle", { status() }) { it.held() == 0 && it.waiting() == 0 }

/** Starts a call that queues for this pool, and returns when its place is in the database. */
suspend fun <T> CoroutineScope.queued(
    pool: ResourcePool,
    call: suspend () -> T,
): Deferred<Result<T>> {
    val before = pool.status().waiting()
    return asking(call).also { pool.awaitWaiting(before + 1) }
}

/** Starts a call; its failure is a value. */
fun <T> CoroutineScope.asking(call: suspend () -> T): Deferred<Result<T>> = async { runCatching { call() } }

suspend fun <T> Deferred<Result<T>>.value(): T = await().getOrThrow()

suspend fun Deferred<Result<*>>.failure(): Throwable? = await().exceptionOrNull()
