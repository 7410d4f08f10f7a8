package io.numpool.concurrent

import io.numpool.ResourceState
import org.jetbrains.lincheck.datastructures.Operation
import org.jetbrains.lincheck.datastructures.Validate

/** Everybody who may end the use of one slot, at the same time. */
class HeldRaces {
    private val parts = Unstarted()
    private val held = parts.group().members.single()

    @Operation
    fun close(): Unit = held.close()

    @Operation
    fun lose(): Unit = held.lose("its session was lost")

    @Operation
    fun evict(): Unit = held.lose("it was evicted", giveBack = true)

    @Operation
    fun giveUp(): Unit = held.giveUp()

    @Operation
    fun state(): ResourceState = held.state

    @Operation
    fun isHeld(): Boolean = held.isHeld

    @Validate
    fun endsOnce() {
        val state = held.state
        check(parts.ended.get() == if (state == ResourceState.HELD) 0 else 1) { "$state, and ${parts.ended} ends were told" }
        check(parts.givenBack() <= 1) { "given back more than once" }
        check(parts.lane.use.ownHeld == if (state == ResourceState.HELD) 1 else 0) { "$state, and counts as ${parts.lane.use.ownHeld}" }
    }
}
