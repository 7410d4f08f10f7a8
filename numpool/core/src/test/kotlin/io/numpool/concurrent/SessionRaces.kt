package io.numpool.concurrent

import io.numpool.ResourceState
import io.numpool.internal.store.Evicted
import org.jetbrains.lincheck.datastructures.Operation
import org.jetbrains.lincheck.datastructures.Validate

/** A slot arrives while its session is lost, or the slot or the pool is taken away. */
class SessionRaces {
    private val parts = Unstarted()
    private val first = parts.group(0).members.single()
    private val second = parts.group(1).members.single()

    @Volatile private var isLost = false

    @Volatile private var isGone = false

    @Volatile private var evictsFirst = false

    @Volatile private var hasFirst = false

    @Volatile private var hasSecond = false

    @Operation(runOnce = true)
    fun holdFirst() {
        parts.session.hold(first)
        hasFirst = true
    }

    @Operation(runOnce = true)
    fun holdSecond() {
        parts.session.hold(second)
        hasSecond = true
    }

    @Operation(runOnce = true)
    fun lose() {
        parts.session.lose("its deadline passed", ResourceState.LOST)
        isLost = true
    }

    @Operation(runOnce = true)
    fun evictFirst() {
        parts.session.evict(Evicted(1, Unstarted.POOL, 0, Unstarted.token(0)))
        evictsFirst = true
    }

    @Operation(runOnce = true)
    fun deletePool() {
        parts.session.allGone(listOf(Unstarted.POOL))
        isGone = true
    }

    @Operation(runOnce = true)
    fun closeFirst(): Unit = first.close()

    @Validate
    fun nothingStaysInUse() {
        if (hasFirst && (isLost || isGone || evictsFirst)) check(!first.isOpen) { "the first slot is in use" }
        if (hasSecond && (isLost || isGone)) check(!second.isOpen) { "the second slot is in use" }
        check(parts.givenBack() <= 1) { "given back more than once" }
    }
}
