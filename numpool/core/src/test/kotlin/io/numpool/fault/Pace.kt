package io.numpool.fault

import io.kotest.core.spec.Spec
import io.numpool.NumpoolOptions
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** How fast clients live. */
internal enum class Pace(
    val ttl: Duration,
    val grace: Duration,
    val tick: Duration,
    val poll: Duration,
) {
    /** For what is over when a session is lost. */
    QUICK(3.seconds, 1.seconds, 200.milliseconds, 200.milliseconds),

    /** For servers that go and come back within a session's time. */
    FAST(9.seconds, 3.seconds, 200.milliseconds, 200.milliseconds),

    /** For servers that take their time to go, and come back within a session's time. */
    STEADY(30.seconds, 10.seconds, 200.milliseconds, 200.milliseconds),

    /** For what must not depend on a session that is lost because this machine is slow. */
    PATIENT(60.seconds, 20.seconds, 1.seconds, 200.milliseconds),

    /** That of the library. */
    DEFAULT(30.seconds, 2.seconds, 1.seconds, 1.seconds),
    ;

    val margin: Duration get() = maxOf(200.milliseconds, grace / 10)

    /** What README promises for a process that is killed. */
    val reclaimBound: Duration get() = grace + tick * 2 + 500.milliseconds

    fun set(options: NumpoolOptions.Builder) {
        options.sessionTtl = ttl
        options.detachGrace = grace
        options.reaperTick = tick
        options.pollInterval = poll
    }

    /** This one, or the library's own with `-Dnumpool.test.settings=default`. */
    fun orDefault(): Pace =
        when (val name = System.getProperty("numpool.test.settings", "fast")) {
            "fast" -> this
            "default" -> DEFAULT
            else -> error("numpool.test.settings is '$name', must be fast or default")
        }
}

/** One of several runs of a test, and its luck. */
internal class Round(
    val seed: Long,
) {
    val random = Random(seed)
}

/**
 * Runs a test as often as `-Dnumpool.test.repetitions` says (default 1), some [atATime]. Each has a seed; the first one's can be given by
 * `-Dnumpool.test.seed`.
 */
internal suspend fun repeated(
    what: String,
    atATime: Int = 1,
    test: suspend (Round) -> Unit,
) {
    val seed = System.getProperty("numpool.test.seed")?.toLong() ?: Random.nextLong()
    println("$what: $REPETITIONS times, seeds from $seed on")
    val permits = Semaphore(atATime)
    coroutineScope {
        repeat(REPETITIONS) { i ->
            launch(Dispatchers.IO) {
                permits.withPermit {
                    try {
                        test(Round(seed + i))
                    } catch (e: Throwable) {
                        // a timeout within the test is a cancellation, too, and launch would say nothing of it
                        currentCoroutineContext().ensureActive()
                        throw AssertionError("$what, seed ${seed + i}: ${e.message}", e)
                    }
                }
            }
        }
    }
}

/** How long one of its tests may take. Kotest has two limits, of 10 minutes each. */
internal fun Spec.mayTake(longest: Duration) {
    timeout = longest.inWholeMilliseconds
    invocationTimeout = longest.inWholeMilliseconds
}

/** Of tests that have servers of their own, and mostly wait. */
internal const val AT_A_TIME = 3
internal val REPETITIONS: Int =
    System.getProperty("numpool.test.repetitions", "1").let { text ->
        text.toIntOrNull()?.takeIf { it > 0 } ?: error("numpool.test.repetitions is '$text', must be a number of at least 1")
    }
