package io.numpool.testkit

import io.kotest.core.spec.style.FunSpec
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicInteger

/** README's example. */
class MyPoolTest :
    FunSpec({
        test("first come, first served, and those who give up leave nothing behind") {
            FairnessProperty.withDefaults().judge { MyPool(slots = 2) }
        }

        test("no slot has two holders, and nobody is overtaken") {
            val pool = MyPool(slots = 2)
            val history = History.inMemory("one process") // several: History.writingTo(file, name) in each, then History.read(files)
            val requests = AtomicInteger()
            coroutineScope {
                repeat(8) { client ->
                    launch(Dispatchers.Default) {
                        repeat(50) {
                            val request = "request ${requests.incrementAndGet()}"
                            history.asked("mine", request) // before the pool is told
                            val held = pool.acquire(client)
                            history.granted("mine", request, held.slot, held.token) // after it answered
                            delay(1)
                            history.ended("mine", held.slot, held.token)
                            pool.release(held)
                        }
                    }
                }
            }
            HistoryChecker
                .of(history.events())
                .check()
                .assertClean()
        }
    })
