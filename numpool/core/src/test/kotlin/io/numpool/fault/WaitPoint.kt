package io.numpool.fault

import io.numpool.testkit.TestDatabase
import java.util.concurrent.CompletableFuture

/** What can be locked: taken by [take] in a transaction, and [mode] of the backend that is put in for %d, null when it has it not. */
internal class Lockable(
    private val name: String,
    val take: String,
    val mode: String,
) {
    override fun toString() = name
}

/** Where a call waits: for what, and with what in its hands. True stands for exclusive. */
internal data class WaitPoint(
    val operation: Operation,
    val wanted: Lockable,
    val exclusively: Boolean,
    val held: Map<Lockable, Boolean>,
) {
    private fun blocks(other: WaitPoint) = held[other.wanted]?.let { it || other.exclusively } == true

    private fun goesWith(other: WaitPoint) = held.none { (lock, exclusive) -> other.held[lock]?.let { it || exclusive } == true }

    /** Calls that wait for each other in a ring, each at one of [points]; null when there are none. */
    fun ring(
        points: Collection<WaitPoint>,
        behind: List<WaitPoint> = listOf(this),
    ): List<WaitPoint>? {
        val last = behind.last()
        if (blocks(last)) return behind
        if (behind.size == LONGEST_RING) return null
        return points
            .filter { next -> next.blocks(last) && behind.all(next::goesWith) }
            .firstNotNullOfOrNull { ring(points, behind + it) }
    }

    override fun toString() = "'$operation' wants $wanted, has ${held.keys}"

    private companion object {
        const val LONGEST_RING = 4
    }
}

private fun advisory(
    name: String,
    table: String,
    key: Int,
) = Lockable(
    "$name $key",
    "SELECT pg_advisory_xact_lock('$table'::regclass::oid::integer, $key)::text",
    "(SELECT min(mode) FROM pg_locks WHERE locktype = 'advisory' AND classid = '$table'::regclass AND objid = $key AND objsubid = 2 " +
        "AND pid = %1\$d AND granted = %2\$b)",
)

private fun row(
    table: String,
    condition: String = "true",
) = Lockable(
    "$table $condition",
    "SELECT 1 FROM $table WHERE $condition FOR UPDATE",
    // asked by another backend, which gets it when nobody has it
    "(SELECT 'ExclusiveLock' WHERE %2\$b AND EXISTS (SELECT FROM $table WHERE $condition) " +
        "AND NOT EXISTS (SELECT FROM (SELECT 1 FROM $table WHERE $condition FOR UPDATE SKIP LOCKED) free))",
)

/** All that a call may have to wait for in a [Scene]. What a pool's lock guards is waited for under that alone. */
internal val LOCKABLES =
    listOf(1, 2).map { advisory("alive", "session", it) } +
        listOf(1, 2, 3, 5).map { advisory("busy", "session_beat", it) } +
        listOf(1, 2).map { advisory("pool", "pool", it) } +
        listOf(1, 2).map { row("pool", "number = $it") } +
        listOf(1, 2, 4, 5).map { row("session", "id = $it") } +
        listOf(1, 4, 5).map { row("session_beat", "session = $it") } +
        row("ticket_floor") + row("fence") +
        Lockable(
            "incarnation",
            "INSERT INTO incarnation (value, started) VALUES (gen_random_uuid(), pg_postmaster_start_time()) RETURNING value",
            "(SELECT min(mode) FROM pg_locks WHERE relation = 'incarnation'::regclass AND mode = 'RowExclusiveLock' " +
                "AND pid = %1\$d AND granted = %2\$b)",
        )

/** Finds out where calls wait, by being in their way. */
internal class InTheWay(
    database: TestDatabase,
) : AutoCloseable {
    private val caller = Sql(database)
    private val blocker = Sql(database)
    private val onlooker = Sql(database)

    init {
        onlooker.prepareScenes()
        onlooker.connection.autoCommit = false
    }

    /** Of each lock that [operation] takes in [scene]. */
    fun waitPoints(
        scene: Scene,
        operation: Operation,
    ): List<WaitPoint> {
        val taken = inTransaction(scene, operation) { it.soon().let { held() } }
        return taken.keys.mapNotNull { wanted -> waitPoint(scene, operation, wanted) }
    }

    private fun waitPoint(
        scene: Scene,
        operation: Operation,
        wanted: Lockable,
    ): WaitPoint? =
        inTransaction(scene, operation, wanted) { calling ->
            while (!calling.isDone && !onlooker.seesWaiting(caller)) Thread.onSpinWait()
            if (calling.isDone) null else WaitPoint(operation, wanted, isWanted(wanted), held() - wanted)
        }

    private fun <T> inTransaction(
        scene: Scene,
        operation: Operation,
        taken: Lockable? = null,
        look: (CompletableFuture<*>) -> T,
    ): T {
        caller.call(scene.call)
        listOf(caller, blocker).forEach { it.connection.autoCommit = false }
        taken?.let { blocker.call(it.take) }
        val calling = later { refusal { operation.calls.forEach { caller.call(it) } } }
        try {
            return look(calling)
        } finally {
            blocker.connection.rollback()
            calling.soon()
            caller.connection.rollback()
            caller.connection.autoCommit = true
            caller.execute("SELECT pg_advisory_unlock_all()")
        }
    }

    private fun held(): Map<Lockable, Boolean> = modes(true).mapNotNull { (lock, mode) -> mode?.let { lock to (it != SHARED) } }.toMap()

    private fun isWanted(lock: Lockable) = modes(false)[lock] != SHARED

    private fun modes(granted: Boolean): Map<Lockable, String?> {
        val columns = LOCKABLES.joinToString { it.mode.format(caller.pid, granted) }
        return onlooker
            .row("SELECT $columns") { row -> LOCKABLES.mapIndexed { nth, it -> it to row.getString(nth + 1) }.toMap() }
            .also { onlooker.connection.rollback() }
    }

    override fun close() = listOf(caller, blocker, onlooker).forEach { it.close() }

    private companion object {
        const val SHARED = "ShareLock"
    }
}
