package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.numpool.testkit.TestPostgres

/** Calls of two clients at the same time, every kind with every other. */
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
                    scene.operations.flatMap { meeting.faults(scene, first, it) }.shouldBeEmpty()
                }
            }
        }

        test("most of them wait for each other") {
            println("${meeting.waited} calls waited for another, ${meeting.cameIn} came in before it")
            meeting.waited shouldBeGreaterThan 1_000
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
