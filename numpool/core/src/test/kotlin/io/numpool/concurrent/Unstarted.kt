package io.numpool.concurrent

import io.numpool.NumpoolListener
import io.numpool.NumpoolOptions
import io.numpool.internal.Client
import io.numpool.internal.Deadline
import io.numpool.internal.Engine
import io.numpool.internal.Group
import io.numpool.internal.Held
import io.numpool.internal.Hooks
import io.numpool.internal.JdbcBridge
import io.numpool.internal.Lane
import io.numpool.internal.Moment
import io.numpool.internal.Opening
import io.numpool.internal.PoolRef
import io.numpool.internal.PoolView
import io.numpool.internal.Session
import io.numpool.internal.StoreErrors
import io.numpool.internal.store.PoolRow
import io.numpool.internal.store.PoolStore
import kotlinx.coroutines.channels.Channel
import org.postgresql.ds.PGSimpleDataSource
import java.time.Duration
import java.util.UUID
import java.util.concurrent.atomic.AtomicInteger

/** The parts of a client whose coroutines don't run and that never ask a database: what is told to the lane stays in its inbox. */
internal class Unstarted {
    val ended = AtomicInteger()
    private val told =
        object : NumpoolListener {
            override fun released(
                pool: String,
                index: Int,
                token: Long,
                held: Duration,
            ) {
                ended.incrementAndGet()
            }

            override fun lost(
                pool: String,
                index: Int,
                token: Long,
                reason: String,
            ) {
                ended.incrementAndGet()
            }
        }

    val lane = Lane(PoolRef(POOL, "pool"), Hooks(listOf(told)), ENGINE)
    val session = Session(1, "channel", Deadline(AN_HOUR, AN_HOUR / 3, Moment.now()))

    fun view() = PoolView(CLIENT, ENGINE, lane, PoolRow(POOL, 1, null, 0, false))

    fun group(
        slot: Int = 0,
        takers: Int = 1,
    ) = Group(UUID(0, slot.toLong()), listOf(Held(lane, session, slot, token(slot), null)), takers)

    /** How often the lane was told that a slot is given back, since it was last asked. */
    @Suppress("UNCHECKED_CAST")
    fun givenBack(): Int {
        val inbox = INBOX.get(lane) as Channel<Any>
        return generateSequence { inbox.tryReceive().getOrNull() }.count { it.javaClass.simpleName == "GiveBack" }
    }

    companion object {
        const val POOL = 1
        private const val AN_HOUR = 3_600_000L
        private val DATA_SOURCE = PGSimpleDataSource()
        private val OPTIONS = NumpoolOptions.builder().build()
        private val ENGINE =
            Engine(OPTIONS, JdbcBridge(DATA_SOURCE, 1, 1, 1), PoolStore("numpool"), StoreErrors("numpool", "nowhere")).apply {
                // Lincheck rewrites the class of every object that it reaches: those of jOOQ take it most of a minute
                Engine::class.java
                    .getDeclaredField("store")
                    .apply { isAccessible = true }
                    .set(this, null)
            }
        private val CLIENT = Client(ENGINE, Opening(DATA_SOURCE, OPTIONS))
        private val INBOX = Lane::class.java.getDeclaredField("inbox").apply { isAccessible = true }

        fun token(slot: Int) = 100L + slot
    }
}
