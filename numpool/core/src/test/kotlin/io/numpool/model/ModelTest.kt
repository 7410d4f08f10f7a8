package io.numpool.model

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldNotBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldStartWith
import io.numpool.model.Fault.BREAK
import io.numpool.model.Fault.CANCEL
import io.numpool.model.Fault.CRASH
import io.numpool.model.Fault.DOUBLE_NOTICE
import io.numpool.model.Fault.KILL
import io.numpool.model.Fault.LOSE_NOTICE
import io.numpool.model.Fault.RESIZE
import io.numpool.model.Fault.SILENCE

/** Every way that a few processes, requests and faults can take keeps the promises, and none of the rules can be left out. */
class ModelTest :
    FunSpec({
        val explored =
            listOf(
                Bounds.of(2, 1, 3, 1, *Fault.values()),
                Bounds.of(2, 2, 3, 1, CANCEL, LOSE_NOTICE, DOUBLE_NOTICE, BREAK, RESIZE),
                Bounds.of(2, 2, 3, 1, CANCEL, BREAK, KILL).withoutHandOver(),
            )
        for (bounds in explored) {
            test("every way keeps the promises: $bounds") {
                val result = Explorer.explore(bounds)
                println(result)
                result.violation() shouldBe null
            }
        }

        /** Small ones, and the promise that is broken: what each rule is for shows in a few steps. */
        val shown =
            mapOf(
                Rule.FOREIGN_BOUND to ("P3" to Bounds.of(2, 1, 3, 0)),
                Rule.TOKENS_RISE to ("P2" to Bounds.of(2, 2, 4, 0)),
                Rule.STILL_WAITS to ("P1" to Bounds.of(1, 1, 3, 1, BREAK)),
                Rule.TOLD_AS_ONE to ("P5" to Bounds.of(1, 1, 3, 0)),
                Rule.HAND_OVER_FREES to ("P1" to Bounds.of(2, 2, 4, 0)),
                Rule.EPOCH to ("P6" to Bounds.of(1, 1, 1, 1, BREAK)),
                Rule.RETRY_LOOKS_UP to ("P6" to Bounds.of(1, 1, 1, 1, BREAK)),
                Rule.OWNERSHIP to ("P1" to Bounds.of(2, 1, 3, 1, BREAK)),
                Rule.DEAD_PLACES_DROP to ("P7" to Bounds.of(2, 1, 3, 1, SILENCE)),
                Rule.CANCEL_FREES to ("P5" to Bounds.of(1, 1, 3, 1, CANCEL)),
                Rule.DEAD_IS_REFUSED to ("P7" to Bounds.of(1, 1, 1, 1, SILENCE)),
                Rule.HOLDER_FIRST to ("P1" to Bounds.of(2, 1, 2, 1, SILENCE)),
                Rule.GRANT_ON_FREE to ("P4" to Bounds.of(1, 1, 2, 1, CRASH)),
                Rule.REPAIR to ("P7" to Bounds.of(1, 1, 1, 1, SILENCE)),
                Rule.POLL to ("P5" to Bounds.of(2, 1, 3, 1, LOSE_NOTICE)),
                Rule.COMPARE_AFTER_CRASH to ("P5" to Bounds.of(2, 1, 3, 1, CRASH)),
                Rule.GRANTS_ARE_DURABLE to ("P1" to Bounds.of(1, 1, 2, 1, CRASH)),
            )
        for (rule in Rule.values()) {
            test("without $rule a promise is broken, and with it none") {
                val (promise, bounds) = shown.getValue(rule)
                Explorer.explore(bounds).violation() shouldBe null
                val result = Explorer.explore(bounds.without(rule))
                println(result)
                result.violation() shouldStartWith promise
                result.trace().shouldNotBeEmpty()
            }
        }
    })
