package io.numpool.testkit

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import java.time.Duration

class FairnessPropertyTest :
    FunSpec({
        val property = FairnessProperty.withDefaults().patience(Duration.ofSeconds(2))

        suspend fun verdictOn(fault: MyPool.Fault): String =
            shouldThrow<AssertionError> { property.patience(Duration.ofMillis(300)).judge { MyPool(2, fault) } }.message!!

        test("a fair pool passes, and the report shows that it was put to the test") {
            val report = property.judge { MyPool(2) }
            report.programs shouldBe 100
            report.waited shouldBeGreaterThan 100
            report.left shouldBeGreaterThan 10
        }

        test("the same seed runs the same programs") {
            val first = property.programs(10).judge { MyPool(1) }
            val again = property.programs(10).seed(first.seed).judge { MyPool(1) }
            again.toString() shouldBe first.toString()
        }

        test("a pool that serves the last first is found out") {
            verdictOn(MyPool.Fault.LAST_FIRST) shouldContain "was overtaken"
        }

        test("a pool that grants a slot twice is found out") {
            verdictOn(MyPool.Fault.DOUBLE_GRANT) shouldContain "two holders"
        }

        test("a pool that grants more than it has is found out") {
            verdictOn(MyPool.Fault.ONE_TOO_MANY) shouldContain "more holders than slots"
        }

        test("a pool that wakes a waiter who has left, and nobody else, is found out") {
            verdictOn(MyPool.Fault.WAKES_THE_DEAD) shouldContain "waited"
        }

        test("a pool that lets a newcomer take the slot of the first in line is found out") {
            verdictOn(MyPool.Fault.NEWCOMER_STEALS) shouldContain "was overtaken"
        }

        test("the failure tells the seed and the program") {
            val message = verdictOn(MyPool.Fault.LAST_FIRST)
            message shouldContain "seed"
            message shouldContain "RELEASE"
        }
    })
