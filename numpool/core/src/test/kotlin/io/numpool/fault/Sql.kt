package io.numpool.fault

import io.numpool.testkit.Await
import io.numpool.testkit.TestDatabase
import org.postgresql.PGConnection
import org.postgresql.util.PSQLException
import java.sql.Connection
import java.sql.ResultSet
import java.util.UUID
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** The functions of the pool line on plain JDBC, as a client in another language calls them. */
internal class Sql(
    database: TestDatabase,
) : AutoCloseable {
    val connection: Connection = database.connect().also { it.createStatement().use { s -> s.execute("SET search_path = numpool") } }
    val pid: Int = connection.unwrap(PGConnection::class.java).backendPID

    fun <T> rows(
        sql: String,
        vararg arguments: Any?,
        read: (ResultSet) -> T,
    ): List<T> =
        connection.prepareStatement(sql).use { statement ->
            arguments.forEachIndexed { i, it -> statement.setObject(i + 1, it) }
            statement.executeQuery().use { rows -> generateSequence { if (rows.next()) read(rows) else null }.toList() }
        }

    fun <T> row(
        sql: String,
        vararg arguments: Any?,
        read: (ResultSet) -> T,
    ): T = rows(sql, *arguments) { Box(read(it)) }.single().value

    /** So that a null is a row. */
    private class Box<T>(
        val value: T,
    )

    fun call(
        sql: String,
        vararg arguments: Any?,
    ): Any? = row(sql, *arguments) { it.getObject(1) }

    fun execute(sql: String) {
        connection.createStatement().use { it.execute(sql) }
    }

    // --- sessions

    fun openSession(
        ttlMillis: Int = 30_000,
        graceMillis: Int = 2_000,
        predecessor: Long? = null,
    ): Long =
        row("SELECT * FROM open_session(ROW('sql', 'here', 1)::process, ?, ?, false, ?::bigint)", ttlMillis, graceMillis, predecessor) {
            it.getLong(1)
        }

    fun attach(
        session: Long,
        number: Long,
    ) {
        call("SELECT attach(?, ?)", session, number)
    }

    fun renew(session: Long) {
        call("SELECT renew(?, '{}'::integer[])", session)
    }

    fun raiseEpoch(
        session: Long,
        to: Long,
    ): Long = call("SELECT raise_epoch(?, ?)", session, to) as Long

    fun beat(session: Long): UUID = call("SELECT beat FROM session_beat WHERE session = ?", session) as UUID

    fun declareSilentDead(
        session: Long,
        seen: UUID,
    ): Boolean = call("SELECT declare_dead(?, false, NULL, ?)", session, seen) as Boolean

    fun declareDetachedDead(
        session: Long,
        seenAttach: Long,
    ): Boolean = call("SELECT declare_dead(?, true, ?, NULL)", session, seenAttach) as Boolean

    fun endSession(session: Long): List<Int> = row("SELECT end_session(?)", session) { it.ints(1) }

    fun survey(): List<Surveyed> =
        rows("SELECT session_id, detached, dead, pools FROM survey(NULL)") {
            Surveyed(it.getLong(1), it.getBoolean(2), it.getBoolean(3), it.ints(4))
        }

    fun repair(
        session: Long,
        pool: Int,
    ): Repaired =
        row("SELECT done, freed, notify_session, notify_ticket, notify_slot FROM repair(?, ?)", session, pool) {
            Repaired(it.getBoolean(1), it.getInt(2), it.longs(3), it.longs(4), it.ints(5))
        }

    fun forget(session: Long): Boolean = call("SELECT forget(?)", session) as Boolean

    // --- pools

    fun createPool(
        id: String,
        capacity: Int,
    ): Int = row("SELECT pool_number FROM create_pool(?, ?, NULL)", id, capacity) { it.getInt(1) }

    fun resize(
        pool: Int,
        capacity: Int,
    ): List<Long> = row("SELECT notify_ticket FROM resize_pool(?, ?)", pool, capacity) { it.longs(1) }

    fun delete(
        pool: Int,
        force: Boolean = false,
    ): List<Long> = row("SELECT notify_session FROM delete_pool(?, ?)", pool, force) { it.longs(1) }

    /** Tokens of the holders that are told. */
    fun evict(
        pool: Int,
        slot: Int,
    ): List<Long> = row("SELECT notify_token FROM evict_slot(?, ?, 'test')", pool, slot) { it.longs(1) }

    /** Slots that are to be given back, and how many the pool counts. */
    fun marks(pool: Int): Pair<List<Int>, Int> =
        rows("SELECT slot FROM eviction WHERE pool = ? ORDER BY slot", pool) { it.getInt(1) } to
            call("SELECT marks FROM pool_state WHERE pool = ?", pool) as Int

    /** For this transaction: who changes the pool waits. */
    fun lock(pool: Int) {
        call("SELECT pg_advisory_xact_lock('pool'::regclass::oid::integer, ?)::text", pool)
    }

    fun fence(
        pool: String,
        slot: Int,
        token: Long,
    ) {
        call("SELECT fence(?, ?, ?)::text", pool, slot, token)
    }

    fun exchange(
        session: Long,
        pool: Int,
        epoch: Long = 0,
        retry: Boolean = false,
        items: Items.() -> Unit,
    ): Answer {
        val it = Items().apply(items)
        return row(
            "SELECT * FROM exchange(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            session,
            epoch,
            pool,
            retry,
            array("int2", it.kinds),
            array("int4", it.slots),
            array("int8", it.tickets),
            array("uuid", it.requests),
            array("int2", it.modes),
            array("text", it.requests.map { null }),
            array("int4", it.asked),
            array("int8", it.next),
            it.foreignFrom,
        ) { row -> Answer(row) }
    }

    /** A request of its own that is served at once. */
    fun acquire(
        session: Long,
        pool: Int,
    ): Place = exchange(session, pool) { acquire() }.acquired.single().also { check(it.outcome == GRANTED) { "not granted: $it" } }

    /** A request of its own that has to wait. */
    fun queue(
        session: Long,
        pool: Int,
    ): Place = exchange(session, pool) { acquire() }.acquired.single().also { check(it.outcome == WAITS) { "does not wait: $it" } }

    /** All that there is of a pool, down to the generation: two that are equal mean that nothing was changed in between. */
    fun state(pool: Int): State =
        State(
            rows(
                "SELECT generation, usage::text, last_ticket, low_ticket, waiting FROM pool_state WHERE pool = ? ORDER BY generation DESC",
                pool,
            ) {
                "generation ${it.getLong(
                    1,
                )}, usage ${it.getString(2)}, last ${it.getLong(3)}, low ${it.getLong(4)}, waiting ${it.getInt(5)}"
            },
            rows("SELECT slot, token, session FROM lease WHERE pool = ? ORDER BY slot", pool) {
                Lease(it.getInt(1), it.getLong(2), it.getLong(3))
            },
            rows("SELECT ticket FROM waiter WHERE pool = ? ORDER BY ticket", pool) { it.getLong(1) },
        )

    private fun array(
        type: String,
        values: List<Any?>,
    ) = connection.createArrayOf(type, values.toTypedArray())

    override fun close(): Unit = connection.close()

    class Surveyed(
        val session: Long,
        val detached: Boolean,
        val dead: Boolean,
        val pools: List<Int>,
    )

    class Repaired(
        val done: Boolean,
        val freed: Int,
        val sessions: List<Long>,
        val tickets: List<Long>,
        val slots: List<Int>,
    )

    data class Lease(
        val slot: Int,
        val token: Long,
        val session: Long,
    )

    data class State(
        val pool: List<String>,
        val leases: List<Lease>,
        val waiting: List<Long>,
    )

    /** What a call of `exchange` carries, in order. */
    class Items {
        val kinds = mutableListOf<Short>()
        val slots = mutableListOf<Int>()
        val tickets = mutableListOf<Long>()
        val requests = mutableListOf<UUID>()
        val modes = mutableListOf<Short>()
        val asked = mutableListOf<Int>()
        val next = mutableListOf<Long?>()
        var foreignFrom = 0L

        fun release(
            slot: Int,
            token: Long,
        ) {
            kinds += 0
            slots += slot
            tickets += token
            next += null
        }

        fun handOver(
            slot: Int,
            token: Long,
            to: Long,
        ) {
            kinds += 2
            slots += slot
            tickets += token
            next += to
        }

        fun cancel(
            ticket: Long,
            asked: Int = 1,
        ) {
            kinds += 1
            slots += asked
            tickets += ticket
            next += null
        }

        fun acquire(
            request: UUID = UUID.randomUUID(),
            attempt: Boolean = false,
            named: Boolean = false,
            slots: Int = 1,
        ) {
            requests += request
            asked += slots
            modes += ((if (attempt) 1 else 0) or (if (named) 2 else 0)).toShort()
        }
    }

    /** What became of an acquire; 0 and -1 stand for no ticket and no slot. */
    data class Place(
        val outcome: Int,
        val ticket: Long,
        val slot: Int,
    )

    class Answer(
        row: ResultSet,
    ) {
        /** 1 done, 0 stale. */
        val settled = row.ints("settle_outcome")
        val acquired: List<Place>
        val granted = row.longs("granted_ticket").zip(row.ints("granted_slot"))
        val foreignBound = row.getLong("foreign_bound")
        val toOthers = row.longs("notify_session").zip(row.longs("notify_ticket"))

        init {
            val tickets = row.numbers("acquire_ticket").map { it?.toLong() ?: 0 }
            val slots = row.numbers("acquire_slot").map { it?.toInt() ?: -1 }
            acquired = row.ints("acquire_outcome").mapIndexed { i, outcome -> Place(outcome, tickets[i], slots[i]) }
        }
    }

    companion object {
        const val WAITS = 0
        const val GRANTED = 1
        const val NOT_SERVED = 2
        const val FOREIGN_ID = 3
        const val INCOMPLETE = 6

        private fun ResultSet.numbers(column: String) = (getArray(column).array as Array<*>).map { it as Number? }

        private fun ResultSet.ints(column: String) = numbers(column).map { it!!.toInt() }

        private fun ResultSet.longs(column: String) = numbers(column).map { it!!.toLong() }

        private fun ResultSet.ints(column: Int) = (getArray(column).array as Array<*>).map { (it as Number).toInt() }

        private fun ResultSet.longs(column: Int) = (getArray(column).array as Array<*>).map { (it as Number).toLong() }
    }
}

/** The SQLSTATE with which the database refuses. */
internal fun refusal(call: () -> Unit): String? =
    try {
        call()
        null
    } catch (e: PSQLException) {
        e.sqlState
    }

/** Has a call under way that is not granted its lock yet. */
internal fun Sql.seesWaiting(other: Sql): Boolean =
    call(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = ? AND NOT granted AND locktype IN ('advisory', 'transactionid', 'tuple'))",
        other.pid,
    ) as Boolean

/** Goes on when [other] waits for a lock. */
internal fun Sql.awaitWaiting(other: Sql) = Await.until("backend ${other.pid} to wait for a lock") { seesWaiting(other) }

/** Each call has a thread of its own: the common pool has but one where two processors are, and a call here may wait for another. */
internal fun <T> later(call: () -> T): CompletableFuture<T> =
    CompletableFuture.supplyAsync(call) { Thread(it).apply { isDaemon = true }.start() }

internal fun <T> CompletableFuture<T>.soon(): T = get(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)

/** Runs [body] in one transaction, and [meanwhile] before it is committed. */
internal fun <T> Sql.inFlight(
    body: Sql.() -> T,
    meanwhile: (T) -> Unit,
): T {
    connection.autoCommit = false
    try {
        return body().also(meanwhile).also { connection.commit() }
    } finally {
        connection.rollback()
        connection.autoCommit = true
    }
}
