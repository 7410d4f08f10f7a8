package io.numpool.internal

import kotlinx.coroutines.delay
import kotlin.random.Random

/** Jittered exponential backoff: each delay is random up to a bound that doubles from [firstMillis] to [maxMillis]. */
internal class Backoff(
    private val firstMillis: Long = 25,
    private val maxMillis: Long = 1_000,
) {
    private var bound = firstMillis

    suspend fun pause() {
        delay(Random.nextLong(1, bound + 1))
        bound = (bound * 2).coerceAtMost(maxMillis)
    }
}
