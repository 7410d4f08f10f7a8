package io.numpool.measure

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.numpool.Numpool
import io.numpool.ResourcePool
import io.numpool.fault.Sql
import io.numpool.testkit.ServerSettings
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.sql.Connection
import java.util.UUID
import java.util.concurrent.atomic.AtomicLong
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlin.time.measureTime

/**
 * Prints what an old transaction, which keeps every dead row in place, does to a pool at full load, and to the calls that read more than
 * one row:
 *
 *     OldTransactionKt [minutes] [dead leases]
 */
public fun main(args: Array<String>) {
    val minutes = args.getOrNull(0)?.toInt() ?: 10
    val dead = args.getOrNull(1)?.toLong() ?: 3_000_000
    TestPostgres.start(ServerSettings.durable().onDisk()).use { server ->
        server.newDatabase().use { database ->
            println("fsync=${database.query("SHOW fsync")} synchronous_commit=${database.query("SHOW synchronous_commit")}")
            server.newDatabase().use { other -> runBlocking { measured(database, other, minutes, dead) } }
        }
    }
}

/**
 * A transaction keeps dead rows in its own database only, so that a second one of the same server shows what the machine does at that
 * time: its disk and its two processors vary by more than what is looked for.
 */
private suspend fun measured(
    database: TestDatabase,
    other: TestDatabase,
    minutes: Int,
    dead: Long,
) {
    val started = TimeSource.Monotonic.markNow()
    database.underLoad { client, pool ->
        other.underLoad { others, control ->
            pairs(pool, WARM_UP)
            pairs(control, WARM_UP)
            println("no old transaction: ${rounds(pool, control)}")
            database.connect().use { old ->
                old.begin()
                val deleted = database.deleted()
                val loaded =
                    (1..minutes).map { minute ->
                        val before = database.reads()
                        rounds(pool, control).also {
                            println("minute $minute under an old transaction: $it; ${database.reads().since(before)}")
                        }
                    }
                println("all $minutes minutes: ${loaded.reduce(Rounds::plus)}")
                while (database.deleted() - deleted < dead) pairs(pool, WARM_UP)
                println("after ${started.elapsedNow()}: ${database.deleted() - deleted} dead leases; at most ${LIMIT_MILLIS} ms each")
                client.close() // nobody but us repairs
                others.close()
                Sql(database).use { here -> Sql(other).use { there -> costs(Calls(here, database), Calls(there, other)) } }
                Sql(database).use { renewals(it) }
                old.rollback()
            }
        }
    }
}

private suspend fun TestDatabase.underLoad(block: suspend (Numpool, ResourcePool) -> Unit) {
    val config = HikariConfig()
    config.dataSource = dataSource()
    config.maximumPoolSize = 4
    HikariDataSource(config).use { connections ->
        Numpool.open(connections) { name = "load" }.use { client -> block(client, client.pool(POOL, SLOTS)) }
    }
}

/** What was done in turns, in [count] turns each. */
private class Rounds(
    private val count: Int,
    private val here: Long,
    private val there: Long,
) {
    operator fun plus(more: Rounds): Rounds = Rounds(count + more.count, here + more.here, there + more.there)

    override fun toString(): String =
        "${here / count} pairs/s, the other database ${there / count}, ratio %.3f".format(here.toDouble() / there)
}

/** A minute here, and as much in the other database, in short turns: what the machine does meanwhile meets both. */
private suspend fun rounds(
    pool: ResourcePool,
    control: ResourcePool,
): Rounds = (1..TURNS).map { Rounds(1, pairs(pool, TURN), pairs(control, TURN)) }.reduce(Rounds::plus)

/** What was read of the leases so far, in the statistics that the server has by now. */
private class Reads(
    private val scans: Long,
    private val entries: Long,
    private val hit: Long,
    private val read: Long,
    private val leases: Long,
    private val bytes: Long,
) {
    fun since(before: Reads): String {
        val leases = leases - before.leases
        return "%.1f entries of lease_pk a scan; a lease %.1f blocks hit, %.3f read; table and index %d MB".format(
            (entries - before.entries).toDouble() / (scans - before.scans),
            (hit - before.hit).toDouble() / leases,
            (read - before.read).toDouble() / leases,
            bytes shr 20,
        )
    }
}

private fun TestDatabase.reads(): Reads {
    query("SELECT pg_stat_clear_snapshot()")

    fun number(sql: String): Long = query("SELECT $sql").toLong()
    val key = "FROM pg_stat_all_indexes WHERE indexrelid = 'numpool.lease_pk'::regclass"
    val table = "FROM pg_statio_all_tables WHERE relid = 'numpool.lease'::regclass"
    return Reads(
        scans = number("idx_scan $key"),
        entries = number("idx_tup_read $key"),
        hit = number("heap_blks_hit + idx_blks_hit $table"),
        read = number("heap_blks_read + idx_blks_read $table"),
        leases = number("n_tup_ins FROM pg_stat_all_tables WHERE relid = 'numpool.lease'::regclass"),
        bytes = number("pg_total_relation_size('numpool.lease')"),
    )
}

/** Pairs of an acquire and a release a second. */
private suspend fun pairs(
    pool: ResourcePool,
    time: Duration,
): Long {
    val pairs = AtomicLong()
    val started = TimeSource.Monotonic.markNow()
    coroutineScope {
        repeat(WORKERS) {
            launch(Dispatchers.Default) {
                while (started.elapsedNow() < time) {
                    pool.acquire().close()
                    pairs.incrementAndGet()
                }
            }
        }
    }
    return pairs.get() * 1000 / started.elapsedNow().inWholeMilliseconds
}

private fun Connection.begin() {
    autoCommit = false
    transactionIsolation = Connection.TRANSACTION_REPEATABLE_READ
    createStatement().use { it.execute("SELECT txid_current()") }
}

private fun TestDatabase.deleted(): Long {
    query("SELECT pg_stat_clear_snapshot()")
    return query("SELECT n_tup_del FROM pg_stat_all_tables WHERE relid = 'numpool.lease'::regclass").toLong()
}

/** The calls that read more than one row, on a full pool with a queue as long. */
private class Calls(
    private val sql: Sql,
    database: TestDatabase,
) {
    private val number = database.query("SELECT number FROM numpool.pool WHERE id = '$POOL'").toInt()
    private val requests = List(SLOTS) { UUID.randomUUID() }
    private var holder = sql.openSession().also { session -> sql.exchange(session, number) { requests.forEach { acquire(it) } } }
    private var next = sql.openSession()

    fun poll(): Duration = measureTime { sql.rows("SELECT * FROM poll(?, ?)", holder, number) { } }

    fun retry(): Duration = measureTime { sql.exchange(holder, number, retry = true) { requests.take(8).forEach { acquire(it) } } }

    /** All slots go to the next session. */
    fun repair(): Duration {
        sql.exchange(next, number) { repeat(SLOTS) { acquire() } }
        sql.endSession(holder)
        return measureTime { check(sql.repair(holder, number).freed == SLOTS) }.also {
            holder = next
            next = sql.openSession()
        }
    }
}

/** In turns with the database that has no dead leases: a commit waits for the disk, whose time varies. */
private fun costs(
    here: Calls,
    there: Calls,
) {
    fun print(
        what: String,
        times: Int,
        call: Calls.() -> Duration,
    ) {
        val both = List(times) { here.call() to there.call() }

        fun List<Duration>.told() = sorted().let { "p50 ${it[times / 2]}, p99 ${it[times * 99 / 100]}, max ${it.last()}" }
        println("$what, $times times: ${both.map { it.first }.told()}; without dead leases ${both.map { it.second }.told()}")
    }
    print("poll, as after a reconnect", CALLS, Calls::poll)
    print("retry of an exchange", CALLS, Calls::retry)
    print("repair of a session with $SLOTS slots, granted on", REPAIRS, Calls::repair)
}

/** In turns with a session that renews as seldom as others do: the disk's time varies more than what is looked for. */
private fun renewals(sql: Sql) {
    val number = sql.createPool("renewals", 1)
    val often = sql.openSession()
    val seldom = sql.openSession()

    fun pair(session: Long) {
        val it = sql.acquire(session, number)
        sql.exchange(session, number) { release(it.slot, it.ticket) }
    }
    repeat(CALLS) { pair(often) }
    repeat(RENEWALS) { sql.renew(often) }
    val both = List(CALLS) { measureTime { pair(often) } to measureTime { pair(seldom) } }
    val after = both.map { it.first }.sorted()
    val without = both.map { it.second }.sorted()
    println(
        "two calls: p50 ${without[CALLS / 2]}, of a session of $RENEWALS renewals ${after[CALLS / 2]}, ratio %.3f".format(
            after[CALLS / 2] / without[CALLS / 2],
        ),
    )
    sql.endSession(often)
    sql.endSession(seldom)
}

private const val POOL = "old"
private const val SLOTS = 64
private const val WORKERS = 256
private const val LIMIT_MILLIS = 20
private const val CALLS = 1_000
private const val REPAIRS = 200
private const val RENEWALS = 10_000
private val WARM_UP = 20.seconds
private val TURN = 3.seconds
private const val TURNS = 20
