package io.numpool.internal

import io.kotest.core.spec.style.FunSpec
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import java.util.concurrent.ConcurrentHashMap

class SnapshotTest :
    FunSpec({
        test("a set whose only element comes and goes can be copied at any moment") {
            val set = ConcurrentHashMap.newKeySet<Int>()
            coroutineScope {
                val flicker =
                    launch(Dispatchers.Default) {
                        while (isActive) {
                            set += 1
                            set -= 1
                        }
                    }
                launch(Dispatchers.Default) { repeat(1_000_000) { set.snapshot() } }.join()
                flicker.cancel()
            }
        }
    })
