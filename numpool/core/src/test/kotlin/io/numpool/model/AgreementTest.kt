package io.numpool.model

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.numpool.testkit.TestPostgres
import kotlin.random.Random

/** The database and the model of it, which is explored exhaustively elsewhere, go the same way. */
class AgreementTest :
    FunSpec({
        test("random calls, right and wrong ones, are answered as in the model, and leave the same behind") {
            val steps = System.getProperty("numpool.test.model.steps", "600").toInt()
            val seed = System.getProperty("numpool.test.seed")?.toLong() ?: Random.nextLong()
            TestPostgres.shared().newDatabase().use { database ->
                var done = 0
                var program = 0L
                val kinds = HashMap<String, Int>()
                while (done < steps) {
                    Agreement(database, seed + program++).use { run ->
                        repeat(minOf(PROGRAM, steps - done)) { run.step() }
                        run.kinds.forEach { (kind, count) -> kinds.merge(kind, count, Int::plus) }
                    }
                    done += PROGRAM
                }
                println("$steps steps in $program programs, seeds from $seed on, agree with the model: ${kinds.toSortedMap()}")
                if (steps >= ENOUGH) EXPECTED.forEach { kinds.getOrDefault(it, 0) shouldBeGreaterThan 0 }
            }
        }
    }) {
    private companion object {
        const val PROGRAM = 150
        const val ENOUGH = 10_000

        /** What a run must have come to, or it shows little. */
        val EXPECTED =
            listOf(
                "GRANTED",
                "WAITS",
                "NOT_SERVED",
                "FOREIGN_ID",
                "MORE_THAN_CAPACITY",
                "INCOMPLETE",
                "hand-over",
                "refused",
                "stale",
                "repair",
                "resize",
            )
    }
}
