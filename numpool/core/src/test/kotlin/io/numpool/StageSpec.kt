package io.numpool

import io.kotest.core.spec.style.FunSpec
import io.numpool.testkit.Await
import kotlin.time.toKotlinDuration

/** A spec with a database of its own, and a bound for each test that only a failing one reaches. */
abstract class StageSpec(
    body: StageSpec.() -> Unit,
) : FunSpec() {
    val stage: Stage by lazy { Stage() }

    init {
        timeout = PATIENCE.inWholeMilliseconds * 2
        afterSpec { stage.close() }
        body()
    }

    /** Two clients that see the same new pool. */
    suspend fun sharedPool(capacity: Int): Pair<ResourcePool, ResourcePool> {
        val id = stage.freshName("shared")
        return stage.client().pool(id, capacity) to stage.client().pool(id, capacity)
    }
}

/** Generous: it is reached only by a test that fails. */
val PATIENCE = Await.BOUND.toKotlinDuration()
