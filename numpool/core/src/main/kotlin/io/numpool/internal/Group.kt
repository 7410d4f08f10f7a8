package io.numpool.internal

import io.numpool.Resource
import io.numpool.ResourceGroup
import io.numpool.ResourceState
import java.util.UUID
import java.util.concurrent.atomic.AtomicInteger

/** What one request was granted, mostly a single slot; handed to each of the [takers] who asked under its id. */
internal class Group(
    val request: UUID,
    val members: List<Held>,
    takers: Int,
) : ResourceGroup,
    List<Resource> by members {
    private val takers = AtomicInteger(takers)

    init {
        members.forEach { it.group = this }
    }

    override val isHeld get() = members.all { it.isHeld }

    @Volatile private var isClosed = false

    /** By its owner, all of it, or about to be. */
    val isGivenBack get() = isClosed || takers.get() == 0 || members.all { it.isGivenBack }

    override suspend fun release(): List<ResourceState> {
        close()
        return members.map { it.outcome.await() }
    }

    override fun close() {
        isClosed = true
        members.forEach { it.close() }
    }

    /** A caller that was to get it was cancelled on the way. */
    fun abandon() {
        if (takers.decrementAndGet() == 0) close()
    }

    /** A request id that is in use here was asked for again. Null when some of the slots are lost, or on their way back. */
    fun share(): Group? {
        if (!members.all { it.isOpen }) return null
        val before = takers.getAndUpdate { if (it == 0) 0 else it + 1 }
        return takeIf { before > 0 }
    }

    override fun toString() = members.toString()
}
