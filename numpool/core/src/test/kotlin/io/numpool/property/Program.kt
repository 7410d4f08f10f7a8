package io.numpool.property

import io.kotest.property.Arb
import io.kotest.property.Shrinker
import io.kotest.property.arbitrary.arbitrary
import kotlin.random.Random
import kotlin.random.nextInt

/** What may happen to a client, or around one of its calls. */
internal enum class Fault {
    /** All its connections break and it is gone, without a word. */
    CRASH,

    /** All its connections break and none is to be had for a while: it lives on. */
    CUT_OFF,

    /** The server ends its listener connection. */
    LISTENER_TERMINATED,

    /** The next call of `exchange` is done, its answer lost. */
    ANSWER_LOST,

    /** The next call of `exchange` never arrives. */
    CALL_LOST,

    /** The next call of `exchange` arrives after the client gave it up. */
    CALL_LATE,
}

/** One line of a program. It is started [gapMillis] after the one before, and not waited for. */
internal sealed interface Step {
    val client: Int
    val gapMillis: Long

    data class Acquire(
        override val client: Int,
        override val gapMillis: Long,
        val holdMillis: Long,
        val timeoutMillis: Long?,
        val cancelAfterMicros: Long?,
        val slots: Int,
    ) : Step {
        override fun toString() =
            "client $client acquires $slots" + (timeoutMillis?.let { " within $it ms" } ?: "") +
                (cancelAfterMicros?.let { ", cancelled after $it us" } ?: "") + ", holds $holdMillis ms"
    }

    data class Attempt(
        override val client: Int,
        override val gapMillis: Long,
        val holdMillis: Long,
        val slots: Int,
    ) : Step {
        override fun toString() = "client $client tries to acquire $slots, holds $holdMillis ms"
    }

    data class Resize(
        override val client: Int,
        override val gapMillis: Long,
        val capacity: Int,
    ) : Step {
        override fun toString() = "client $client resizes to $capacity"
    }

    data class Evict(
        override val client: Int,
        override val gapMillis: Long,
        val slot: Int,
    ) : Step {
        override fun toString() = "client $client evicts slot $slot"
    }

    data class Break(
        override val client: Int,
        override val gapMillis: Long,
        val fault: Fault,
        val millis: Long,
    ) : Step {
        override fun toString() =
            "client $client: $fault" + if (fault == Fault.CUT_OFF || fault == Fault.CALL_LATE) " for $millis ms" else ""
    }
}

/** What a few clients do with one pool, overlapping. */
internal data class Program(
    val capacity: Int,
    val steps: List<Step>,
) {
    override fun toString() =
        steps.joinToString("\n", prefix = "pool of capacity $capacity\n") {
            "${if (it.gapMillis > 0) "after ${it.gapMillis} ms" else "at once"}: $it"
        }

    companion object {
        const val CLIENTS = 3
        private const val LEAST = 22
        private const val MOST = 34

        val arb: Arb<Program> = arbitrary(Shorter) { random(it.random) }

        private fun random(random: Random): Program {
            val length = random.nextInt(LEAST..MOST)
            val steps = List(length) { step(random) }.toMutableList()
            repeat(random.nextInt(1..2)) { steps[random.nextInt(length / 4 until length * 3 / 4)] = fault(random) }
            return Program(random.nextInt(1..3), steps)
        }

        private fun step(random: Random): Step {
            val client = random.nextInt(CLIENTS)
            val gap = if (random.nextInt(3) == 0) random.nextLong(1, 4) else 0
            val hold = random.nextLong(0, 9)
            val slots = if (random.nextInt(4) == 0) random.nextInt(2..3) else 1
            return when (random.nextInt(22)) {
                in 0..8 -> Step.Acquire(client, gap, hold, null, null, slots)
                in 9..12 -> Step.Acquire(client, gap, hold, null, random.nextLong(0, 20_000), slots)
                in 13..15 -> Step.Acquire(client, gap, hold, random.nextLong(1, 25), null, slots)
                in 16..18 -> Step.Attempt(client, gap, hold, slots)
                in 19..20 -> Step.Evict(client, gap, random.nextInt(0..2))
                else -> Step.Resize(client, gap, random.nextInt(1..4))
            }
        }

        private fun fault(random: Random): Step =
            Step.Break(
                random.nextInt(CLIENTS),
                random.nextLong(0, 4),
                Fault.entries[random.nextInt(Fault.entries.size)],
                random.nextLong(5, 900),
            )
    }

    /** Leaves out ever smaller runs of steps. */
    private object Shorter : Shrinker<Program> {
        override fun shrink(value: Program): List<Program> =
            generateSequence(value.steps.size / 2) { it / 2 }
                .takeWhile { it > 0 }
                .flatMap { run -> (0 until value.steps.size step run).map { value.without(it, run) } }
                .filter { it.steps.isNotEmpty() }
                .toList()
    }

    private fun without(
        from: Int,
        count: Int,
    ) = copy(steps = steps.take(from) + steps.drop(from + count))
}
