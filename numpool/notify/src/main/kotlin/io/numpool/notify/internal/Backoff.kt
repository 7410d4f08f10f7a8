package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions
import kotlin.math.pow
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.toDuration
import kotlin.time.toKotlinDuration

/** Full jitter: the first attempt at once, each later one after a random part of a growing interval. */
internal class Backoff(
    options: NotifierOptions,
    private val random: Random = Random,
) {
    private val base = options.reconnectInterval.toKotlinDuration()
    private val max = options.reconnectMaxInterval.toKotlinDuration()
    private val multiplier = options.reconnectMultiplier
    private val attempts = options.reconnectAttempts

    /** The delay after that many failures in a row. */
    fun after(failures: Int): Duration = if (failures == 0) Duration.ZERO else ceiling(failures) * random.nextDouble()

    /** The longest that [after] may be. */
    fun ceiling(failures: Int): Duration {
        val grown = base.toDouble(DurationUnit.NANOSECONDS) * multiplier.pow(failures - 1)
        return minOf(max.toDouble(DurationUnit.NANOSECONDS), grown).toDuration(DurationUnit.NANOSECONDS)
    }

    fun exhausted(failures: Int): Boolean = attempts in 1..failures
}
