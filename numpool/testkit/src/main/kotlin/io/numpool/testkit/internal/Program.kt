package io.numpool.testkit.internal

import io.kotest.property.Arb
import io.kotest.property.Shrinker
import io.kotest.property.arbitrary.arbitrary
import java.util.concurrent.atomic.AtomicInteger

internal enum class Act { ASK, RELEASE, LEAVE, RELEASE_WHILE_ASKING }

/** One step; [which] chooses among the clients, holders or waiters that there are. */
internal data class Step(
    val act: Act,
    val which: Int,
) {
    override fun toString(): String = "$act $which"
}

/** What is done to a pool, step by step. */
internal data class Program(
    val steps: List<Step>,
) {
    override fun toString(): String = steps.joinToString("; ")
}

/** What the programs did, all in all. */
internal class Tally {
    val asked = AtomicInteger()
    val waited = AtomicInteger()
    val left = AtomicInteger()
}

private const val MOST_STEPS = 40
private const val MOST_CHOICES = 8

/** Random programs, which shrink by leaving out half of their steps, then single ones. */
internal fun programs(): Arb<Program> =
    arbitrary(Shrinker(::shorter)) { random ->
        val length = random.random.nextInt(1, MOST_STEPS + 1)
        Program(List(length) { Step(Act.entries.random(random.random), random.random.nextInt(MOST_CHOICES)) })
    }

private fun shorter(program: Program): List<Program> {
    val steps = program.steps
    val half = steps.size / 2
    val halves = if (half > 0) listOf(steps.take(half), steps.drop(half)) else emptyList()
    return (halves + steps.indices.map { steps.subList(0, it) + steps.drop(it + 1) }).map(::Program)
}
