package io.numpool.testkit

import io.kotest.common.ExperimentalKotest
import io.kotest.property.PropTestConfig
import io.kotest.property.ShrinkingMode
import io.kotest.property.checkAll
import io.numpool.testkit.internal.BlockingPoolView
import io.numpool.testkit.internal.FairnessRun
import io.numpool.testkit.internal.Tally
import io.numpool.testkit.internal.programs
import kotlinx.coroutines.runBlocking
import java.time.Duration
import java.util.function.Supplier
import kotlin.random.Random

/**
 * Tells whether a pool is fair: first come, first served, never more holders than slots, no slot idle while somebody waits, and
 * nothing left behind by those who give up.
 *
 * It runs random programs of asking, releasing, giving up, and asking in the very moment of a release, each on a new pool, one
 * step after the other so that the order of arrival is known. It prints its seed; a program that fails is shrunk and printed.
 *
 * ```java
 * FairnessProperty.withDefaults().check(() -> new MyPool(…));
 * ```
 */
public class FairnessProperty private constructor(
    private val programs: Int,
    private val seed: Long?,
    private val patience: Duration,
) {
    /** With so many programs instead of 100; at least 1. */
    public fun programs(count: Int): FairnessProperty {
        require(count >= 1) { "programs: must be at least 1, was $count" }
        return FairnessProperty(count, seed, patience)
    }

    /** With the programs of an earlier run. */
    public fun seed(value: Long): FairnessProperty = FairnessProperty(programs, value, patience)

    /** With another time than 10 s until a pool that should grant is called stuck. */
    public fun patience(bound: Duration): FairnessProperty {
        require(!bound.isNegative && !bound.isZero) { "patience: must be positive, was $bound" }
        return FairnessProperty(programs, seed, bound)
    }

    /**
     * Judges a blocking pool. Blocks until all programs ran.
     *
     * @param open makes a pool with nobody in it
     * @throws AssertionError when it is not fair, with the seed and a short program that shows it
     */
    public fun <R : Any> check(open: Supplier<out BlockingPool<R>>): FairnessReport = runBlocking { judge { BlockingPoolView(open.get()) } }

    /**
     * Judges a suspending pool.
     *
     * @param open makes a pool with nobody in it
     * @throws AssertionError when it is not fair, with the seed and a short program that shows it
     */
    @OptIn(ExperimentalKotest::class)
    public suspend fun <R : Any> judge(open: suspend () -> SuspendingPool<R>): FairnessReport {
        val chosen = seed ?: Random.nextLong()
        println("FairnessProperty: seed $chosen")
        val tally = Tally()
        val config = PropTestConfig(seed = chosen, iterations = programs, shrinkingMode = ShrinkingMode.Bounded(MAX_SHRINKS))
        checkAll(config, programs()) { program ->
            open().use { pool -> FairnessRun(pool, patience.toMillis(), tally).run(program.steps) }
        }
        return FairnessReport(chosen, programs, tally.asked.get(), tally.waited.get(), tally.left.get())
    }

    /** Where to start. */
    public companion object {
        private const val MAX_SHRINKS = 300

        /** 100 programs, a random seed, 10 s of patience. */
        @JvmStatic
        public fun withDefaults(): FairnessProperty = FairnessProperty(programs = 100, seed = null, patience = Duration.ofSeconds(10))
    }
}
