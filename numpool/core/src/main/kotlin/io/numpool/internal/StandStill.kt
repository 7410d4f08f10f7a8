package io.numpool.internal

/** A value that was read, and for how long it must stand still to be judged. */
internal data class Sight(
    val value: Any,
    val millis: Int,
)

/**
 * Values in the database, watched by this process's monotonic clock. What is [observe]d was read before: each is dated later than it was
 * written, so that its time is over rather late than early.
 */
internal class StandStill<K>(
    private val clock: () -> Long = System::nanoTime,
) {
    private class Seen(
        val sight: Sight,
        val overNanos: Long,
    )

    private val seen = HashMap<K, Seen>()
    private var observedNanos = clock()

    /** All that there is now. */
    fun observe(sights: Map<K, Sight>) {
        observedNanos = clock()
        seen.keys.retainAll(sights.keys)
        for ((key, sight) in sights) {
            if (seen[key]?.sight != sight) seen[key] = Seen(sight, observedNanos + sight.millis * NANOS)
        }
    }

    /** The same value was observed for its time, the last time included. */
    fun isOver(key: K): Boolean = seen[key]?.let { it.overNanos <= observedNanos } == true

    /** Until the first is over that was not when they were last observed; null: there is none. */
    fun millisToNext(): Long? =
        seen.values
            .filter { it.overNanos > observedNanos }
            .minOfOrNull { it.overNanos }
            ?.let { (it - clock()).coerceAtLeast(0) / NANOS + 1 }

    fun forget() = seen.clear()

    private companion object {
        const val NANOS = 1_000_000L
    }
}
