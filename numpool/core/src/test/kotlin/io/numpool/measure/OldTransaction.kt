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
        other.underLoad { _, control ->
            pairs(pool, WARM_UP)
            pairs(control, WARM_UP)
            println("no old transaction: ${rounds(pool, control, 3)}")
            database.connect().use { old ->
                old.begin()
                val deleted = database.deleted()
                val loaded =
                    (1..minutes).map { minute ->
                        rounds(pool, control, 3).also { println("minute $minute under an old transaction: $it") }
                    }
                println("all $minutes minutes: ${loaded.reduce(Rounds::plus)}")
                while (database.deleted() - deleted < dead) pairs(pool, WARM_UP)
                println("after ${started.elapsedNow()}: ${database.deleted() - deleted} dead leases; at most ${LIMIT_MILLIS} ms each")
                client.close() // nobody but us repairs
                Sql(database).use { costs(it, database) }
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

/** A third of a minute here, and half of that in the other database, around it. */
private suspend fun rounds(
    pool: ResourcePool,
    control: ResourcePool,
    count: Int,
): Rounds =
    (1..count)
        .map {
            val first = pairs(control, CONTROL)
            val here = pairs(pool, TURN)
            Rounds(1, here, (first + pairs(control, CONTROL)) / 2)
        }.reduce(Rounds::plus)

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
private const val LIMIT_MILLIS = 20
private const val CALLS = 1_000
private const val REPAIRS = 50
private const val RENEWALS = 10_000
private val WARM_UP = 20.seconds
private val TURN = 20.seconds
private val CONTROL = 5.seconds
