package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldHaveAtLeastSize
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.matchers.comparables.shouldBeLessThan
import io.numpool.internal.Backoff
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

/** Pauses between attempts, of many at the same time. A busy machine makes them longer only. */
class BackoffTest :
    FunSpec({
        /** How long the last of [pauses] pauses takes for each of 50. */
        suspend fun last(
            pauses: Int,
            make: () -> Backoff,
        ): List<Duration> =
            coroutineScope {
                List(50) {
                    async {
                        val backoff = make()
                        repeat(pauses - 1) { backoff.pause() }
                        measureTime { backoff.pause() }
                    }
                }.awaitAll()
            }

        test("a pause is random, so that those who failed together do not try again together") {
            val pauses = last(1) { Backoff(firstMillis = 1_000) }
            pauses.filter { it < 950.milliseconds }.shouldHaveAtLeastSize(10)
        }

        test("pauses grow") {
            last(10) { Backoff(firstMillis = 1) }.max() shouldBeGreaterThan 100.milliseconds
        }

        test("pauses grow up to a bound") {
            measureTime { last(13) { Backoff(firstMillis = 1, maxMillis = 4) } } shouldBeLessThan 3.seconds
        }
    })
