package io.numpool.testkit

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldContain
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicInteger

/** What README's second test finds in pools that are not as they should be. */
class UnfairPoolTest :
    FunSpec({
        suspend fun verdictOn(pool: MyPool): Verdict {
            val history = History.inMemory("one process")
            val requests = AtomicInteger()
            coroutineScope {
                repeat(8) { client ->
                    launch(Dispatchers.Default) {
                        repeat(50) {
                            val request = "request ${requests.incrementAndGet()}"
                            history.asked("mine", request)
                            val held = pool.acquire(client)
                            history.granted("mine", request, held.slot, held.token)
                            delay(1)
                            history.ended("mine", held.slot, held.token)
                            pool.release(held)
                        }
                    }
                }
            }
            return HistoryChecker.of(history.events()).check()
        }

        test("a slot that is granted twice") {
            verdictOn(MyPool(2, MyPool.Fault.DOUBLE_GRANT)).violations.map { it.rule } shouldContain Violation.Rule.DOUBLE_GRANT
        }

        test("the last in line served first") {
            verdictOn(MyPool(2, MyPool.Fault.LAST_FIRST)).violations.map { it.rule } shouldContain Violation.Rule.OVERTAKE
        }

        test("a newcomer served before those who wait") {
            verdictOn(MyPool(2, MyPool.Fault.NEWCOMER_STEALS)).violations.map { it.rule } shouldContain Violation.Rule.OVERTAKE
        }
    })
