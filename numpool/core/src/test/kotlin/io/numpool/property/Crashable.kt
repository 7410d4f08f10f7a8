package io.numpool.property

import io.numpool.Numpool
import io.numpool.NumpoolMode
import io.numpool.fault.FaultyDataSource
import io.numpool.fault.PATIENCE
import io.numpool.fault.awaitListening
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.GlobalScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import javax.sql.DataSource
import kotlin.time.Duration.Companion.milliseconds

/** A client that can die without a word. */
internal class Crashable private constructor(
    val name: String,
    val numpool: Numpool,
    val store: FaultyDataSource,
    private val listener: FaultyDataSource,
) {
    private val lock = Any()

    @Volatile var isCrashed = false
        private set

    /** What a crashed process would have recorded after its death is not recorded. */
    fun unlessCrashed(record: () -> Unit) = synchronized(lock) { if (!isCrashed) record() }

    /** Its connections break at once, and nobody tells the database. */
    @OptIn(DelicateCoroutinesApi::class)
    fun crash(record: () -> Unit = {}) {
        synchronized(lock) {
            if (isCrashed) return
            isCrashed = true
            record()
        }
        listener.cut()
        store.cut()
        GlobalScope.launch(Dispatchers.IO) { numpool.shutdown() } // only its coroutines: it can tell nobody
    }

    suspend fun cutOff(millis: Long) {
        listener.cut()
        store.cut()
        delay(millis)
        if (!isCrashed) unbreak()
    }

    suspend fun delayCall(millis: Long) {
        val call = store.delayNextCall()
        delay(millis)
        call.arriveSometime()
    }

    /** Ready for the next program. */
    fun unbreak() {
        if (isCrashed) return
        listener.mend()
        store.mend()
        store.spareCalls()
    }

    suspend fun close() {
        if (!isCrashed) numpool.shutdown()
    }

    companion object {
        private val GRACE = 500.milliseconds

        suspend fun open(
            name: String,
            database: TestDatabase,
            connections: DataSource,
        ): Crashable {
            val store = FaultyDataSource(connections)
            val listening = FaultyDataSource(database.dataSource())
            val numpool =
                Numpool.open(store) {
                    openTimeout = PATIENCE
                    this.name = name
                    migrate = false
                    listener(listening)
                    sessionTtl = GRACE * 3
                    detachGrace = GRACE
                    reaperTick = 200.milliseconds
                    pollInterval = 500.milliseconds
                    closeTimeout = 2_000.milliseconds
                }
            if (numpool.mode != NumpoolMode.LISTENING) numpool.awaitListening()
            return Crashable(name, numpool, store, listening)
        }
    }
}
