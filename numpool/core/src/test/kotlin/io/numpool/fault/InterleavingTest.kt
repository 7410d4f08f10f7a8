package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.numpool.testkit.TestPostgres
import kotlin.random.Random

/**
 * Calls of two clients at the same time, every kind with every other; with `-Dnumpool.test.interleavings=4` one in four of these pairs, not
 * always the same.
 */
class InterleavingTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val meeting = Meeting(database)
        val inTheWay = InTheWay(database)
        afterSpec {
            meeting.close()
            inTheWay.close()
            database.close()
        }

        for (scene in Scene.values().toList() - Scene.RESTARTED) {
            for (first in scene.operations) {
                test("$scene: while '$first' is not committed, whatever else comes is served before it or after it, and not in between") {
                    val seconds = scene.operations.filterIndexed { i, _ -> (i + OFFSET) % ONE_IN == 0 }
                    seconds.flatMap { meeting.faults(scene, first, it) }.shouldBeEmpty()
                }
            }
        }

        test("most of them wait for each other") {
            println("${meeting.waited} calls waited for another, ${meeting.cameIn} came in before it")
            meeting.waited shouldBeGreaterThan 1_000 / ONE_IN
        }

        // in the tests above the first has all its locks already: here both are on the way
        for (scene in Scene.values()) {
            test("$scene: wherever calls may be when they wait for a lock, no ring of them can wait for each other") {
                val points = scene.operations.filter { it.calls.size == 1 }.flatMap { inTheWay.waitPoints(scene, it) }
                points.size shouldBeGreaterThan 10
                points.mapNotNull { it.ring(points) }.shouldBeEmpty()
            }
        }
    })

private val ONE_IN =
    Integer.getInteger("numpool.test.interleavings", 1).also { require(it > 0) { "numpool.test.interleavings is $it, must be at least 1" } }
private val OFFSET = Random.nextInt(ONE_IN)
