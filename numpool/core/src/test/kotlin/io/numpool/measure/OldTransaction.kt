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
 *     OldTransactionKt [minutes]
 */
public fun main(args: Array<String>) {
    val minutes = args.getOrNull(0)?.toInt() ?: 10
    TestPostgres.start(ServerSettings.durable().onDisk()).use { server ->
        server.newDatabase().use { database ->
            println("fsync=${database.query("SHOW fsync")} synchronous_commit=${database.query("SHOW synchronous_commit")}")
            runBlocking { measured(database, minutes) }
        }
    }
}

private suspend fun measured(
    database: TestDatabase,
    minutes: Int,
) {
    val config = HikariConfig()
    config.dataSource = database.dataSource()
    config.maximumPoolSize = 4
    HikariDataSource(config).use { connections ->
        Numpool.open(connections) { name = "load" }.use { client ->
            val pool = client.pool(POOL, SLOTS)
            pairs(pool, WARM_UP)
            val before = pairs(pool, 1.minutes)
            println("no other transaction: $before pairs/s")
            database.connect().use { old ->
                old.begin()
                val deleted = database.deleted()
                val since = TimeSource.Monotonic.markNow()
                repeat(minutes) {
                    val now = pairs(pool, 1.minutes)
                    println("minute ${it + 1} of an old transaction: $now pairs/s, ratio %.3f".format(now.toDouble() / before))
                }
                while (database.deleted() - deleted < DEAD) pairs(pool, 20.seconds)
                println("after ${since.elapsedNow()}: ${database.deleted() - deleted} dead leases; at most ${LIMIT_MILLIS} ms each")
                client.close() // nobody but us repairs
                Sql(database).use { costs(it, database) }
                Sql(database).use { renewals(it) }
                old.rollback()
            }
        }
    }
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

private fun costs(
    sql: Sql,
    database: TestDatabase,
) {
    val number = database.query("SELECT number FROM numpool.pool WHERE id = '$POOL'").toInt()
    val holder = sql.openSession()
    val requests = List(SLOTS) { UUID.randomUUID() }
    sql.exchange(holder, number) { requests.forEach { acquire(it) } }
    print("poll, as after a reconnect", CALLS) { sql.rows("SELECT * FROM poll(?, ?)", holder, number) { } }
    print("retry of an exchange", CALLS) { sql.exchange(holder, number, retry = true) { requests.take(8).forEach { acquire(it) } } }
    val next = sql.openSession()
    sql.exchange(next, number) { repeat(QUEUE) { acquire() } }
    val heirs = mutableListOf(next)
    sql.endSession(holder)
    var dead = holder
    print("repair of a session with $SLOTS slots, granted on", REPAIRS, prepared = {
        if (heirs.size > 1) {
            sql.exchange(heirs.last(), number) { repeat(QUEUE) { acquire() } }
            sql.endSession(dead)
        }
    }) {
        check(sql.repair(dead, number).freed == SLOTS)
        dead = heirs.last()
        heirs += sql.openSession()
    }
    heirs.forEach {
        sql.endSession(it)
        sql.repair(it, number)
    }
}

private fun renewals(sql: Sql) {
    val number = sql.createPool("renewals", 1)
    val session = sql.openSession()

    fun pair() {
        val it = sql.acquire(session, number)
        sql.exchange(session, number) { release(it.slot, it.ticket) }
    }
    repeat(CALLS) { pair() }
    val before = List(CALLS) { measureTime { pair() } }.sorted()
    repeat(RENEWALS) { sql.renew(session) }
    val after = List(CALLS) { measureTime { pair() } }.sorted()
    println(
        "two calls: p50 ${before[CALLS / 2]}, after $RENEWALS renewals ${after[CALLS / 2]}, ratio %.3f".format(
            after[CALLS / 2] / before[CALLS / 2],
        ),
    )
    sql.endSession(session)
}

private fun print(
    what: String,
    times: Int,
    prepared: () -> Unit = {},
    call: () -> Unit,
) {
    val took =
        List(times) {
            prepared()
            measureTime(call)
        }.sorted()
    println("$what, $times times: p50 ${took[times / 2]}, max ${took.last()}")
}

private const val POOL = "old"
private const val SLOTS = 64
private const val WORKERS = 256
private const val QUEUE = 64
private const val DEAD = 3_000_000L
private const val LIMIT_MILLIS = 20
private const val CALLS = 1_000
private const val REPAIRS = 50
private const val RENEWALS = 10_000
private val WARM_UP = 20.seconds
