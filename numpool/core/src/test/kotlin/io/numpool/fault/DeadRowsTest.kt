package io.numpool.fault

import io.kotest.assertions.withClue
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.ints.shouldBeGreaterThan
import io.kotest.matchers.ints.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import java.util.UUID

/**
 * A transaction that is older than all of them keeps dead rows in their tables and indexes. No call reads them, whatever the statistics make
 * the planner believe: tables that hold millions of dead rows and a handful of live ones are analyzed at any moment.
 */
class DeadRowsTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val old = database.connect()
        lateinit var pool: Pool
        afterSpec {
            old.close()
            database.close()
        }
        beforeSpec {
            // the test says when
            for (table in TABLES) database.execute("ALTER TABLE numpool.$table SET (autovacuum_enabled = off)")
            old.autoCommit = false
            old.createStatement().use { it.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()") }
            Sql(database).use { sql ->
                pool = Pool(sql.createPool(OLD, CAPACITY), sql.openSession())
                repeat(CHURN) {
                    val all = sql.exchange(pool.session, pool.number) { repeat(CAPACITY * 2) { acquire() } }
                    val first = all.acquired.take(CAPACITY).map { it.slot to it.ticket }
                    val then = sql.releaseAll(pool, first).granted.map { (ticket, slot) -> slot to ticket }
                    sql.releaseAll(pool, then)
                }
                sql.count()
            }
        }

        for (statistics in Statistics.entries) {
            test("$statistics: a call reads what lives, and no dead row") {
                Sql(database).use {
                    statistics.make(it, pool)
                    it.count()
                }
                Sql(database).use { sql ->
                    // as often as a statement is planned anew for its arguments
                    repeat(7) { round -> withClue("round $round") { sql.everyCall(pool) } }
                }
            }
        }

        test("there are dead rows to be read") {
            Sql(database).use { sql ->
                sql.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off")
                val dead =
                    sql.rows("EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) SELECT count(*) FROM lease") { it.getString(1) }
                withClue(dead) {
                    dead.firstNotNullOf { Regex("shared hit=(\\d+)").find(it) }.groupValues[1].toInt() shouldBeGreaterThan 50
                }
            }
        }
    })

private class Pool(
    val number: Int,
    val session: Long,
)

/** What the planner believes of the tables. */
private enum class Statistics(
    private val text: String,
) {
    NONE("never analyzed") {
        override fun make(
            sql: Sql,
            pool: Pool,
        ) = Unit
    },
    EMPTY("analyzed while nobody held a slot or waited") {
        override fun make(
            sql: Sql,
            pool: Pool,
        ) {
            sql.analyze()
            sql.call("SELECT reltuples::integer FROM pg_class WHERE oid = 'lease'::regclass") shouldBe 0
        }
    },
    FULL("analyzed while all slots were held, and as many waited") {
        override fun make(
            sql: Sql,
            pool: Pool,
        ) {
            val all = sql.exchange(pool.session, pool.number) { repeat(CAPACITY * 2) { acquire() } }.acquired
            sql.analyze()
            val granted = all.take(CAPACITY).map { it.slot to it.ticket }
            sql.releaseAll(pool, sql.releaseAll(pool, granted).granted.map { (ticket, slot) -> slot to ticket })
        }
    }, ;

    abstract fun make(
        sql: Sql,
        pool: Pool,
    )

    override fun toString() = text
}

private fun Sql.analyze() = TABLES.forEach { execute("VACUUM ANALYZE $it") }

private fun Sql.releaseAll(
    pool: Pool,
    held: List<Pair<Int, Long>>,
) = exchange(pool.session, pool.number) { held.forEach { (slot, token) -> release(slot, token) } }

/** Each call that looks into the hot tables, and what it may read there. */
private fun Sql.everyCall(pool: Pool) {
    fun exchange(
        what: String,
        retry: Boolean = false,
        items: Sql.Items.() -> Unit,
    ) = reading(what) { exchange(pool.session, pool.number, retry = retry, items = items) }

    val asked = List(CAPACITY * 2) { UUID.randomUUID() }
    val named = List(2) { UUID.randomUUID() }
    val taken = exchange("acquire") { asked.forEach { acquire(it) } }.acquired.take(CAPACITY).map { it.slot to it.ticket }
    exchange("retry", retry = true) { asked.forEach { acquire(it) } }
    reading("status") { rows("SELECT * FROM pool_status(?)", pool.number) { } }
    reading("list") { rows("SELECT * FROM list_pools('')") { } }
    reading("poll") { rows("SELECT * FROM poll(?, ?)", pool.session, pool.number) { } }
    val waiting = exchange("acquire under a name") { named.forEach { acquire(it, named = true) } }.acquired
    exchange("acquire under a name again") { named.forEach { acquire(it, named = true) } }
    exchange("cancel") { waiting.forEach { cancel(it.ticket) } }.settled shouldBe listOf(1, 1)
    val next = exchange("release, granted on") { taken.forEach { (slot, token) -> release(slot, token) } }.granted
    exchange("cancel of what is granted") { next.take(2).forEach { (ticket, _) -> cancel(ticket) } }.settled shouldBe listOf(1, 1)
    val (token, slot) = next[2]
    reading("fence") { fence(OLD, slot, token) }
    reading("evict") { evict(pool.number, slot) } shouldBe listOf(token)
    reading("marks") { rows("SELECT * FROM evictions()") { } }
    exchange("release") { next.drop(2).forEach { (ticket, held) -> release(held, ticket) } }.settled.sum() shouldBe CAPACITY - 2

    val crowd = exchange("acquire by twice as many") { repeat(CAPACITY * 2) { acquire() } }.acquired
    val (first, then) = crowd.take(CAPACITY) to crowd.drop(CAPACITY)
    exchange("release, granted to who is handed another slot") { release(first[0].slot, first[0].ticket) }
    val handed = first.drop(1).zip(then) { held, next -> Triple(held.slot, held.ticket, next.ticket) }
    val handOver: Sql.Items.() -> Unit = { handed.forEach { (slot, ticket, next) -> handOver(slot, ticket, next) } }
    val last = exchange("hand-over", items = handOver).also { it.settled.sum() shouldBe CAPACITY - 1 }.granted.single()
    exchange("retry of a hand-over", retry = true, items = handOver).settled.sum() shouldBe CAPACITY - 1
    exchange("release of what was handed over") {
        handed.forEach { (slot, _, next) -> release(slot, next) }
        release(last.second, last.first)
    }.settled.sum() shouldBe CAPACITY

    val doomed = openSession()
    exchange(doomed, pool.number) { repeat(CAPACITY + 2) { acquire() } }
    val heir = exchange(pool.session, pool.number) { acquire() }.acquired.single()
    endSession(doomed)
    reading("repair") { repair(doomed, pool.number) }.tickets shouldBe listOf(heir.ticket)
    forget(doomed)
    val group = exchange("acquire of several") { acquire(slots = CAPACITY) }.acquired.single()
    val served = exchange("release, granted on to several") { release(0, heir.ticket) }.granted.filter { it.first >= group.ticket }
    served.size shouldBe CAPACITY
    reading("resize") { resize(pool.number, CAPACITY * 2) }
    resize(pool.number, CAPACITY)
    exchange("release of several") { served.forEach { (ticket, held) -> release(held, ticket) } }.settled.sum() shouldBe CAPACITY
}

private fun <T> Sql.reading(
    what: String,
    call: Sql.() -> T,
): T {
    val before = read()
    val answer = call()
    withClue("rows and entries read by $what") { (read() - before).toInt() shouldBeLessThan FEW }
    return answer
}

/** What this connection has read so far is counted when this returns; else that may come when it has been closed, in the midst of a measurement. */
private fun Sql.count() = call("SELECT pg_stat_force_next_flush()::text")

/** Rows by sequential scans and entries of indexes that were read so far. */
private fun Sql.read(): Long {
    count()
    val tables = TABLES.joinToString { "'$it'::regclass" }
    return call(
        "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_all_tables WHERE relid IN ($tables))::bigint + " +
            "(SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE relid IN ($tables))::bigint",
    ) as Long
}

private const val OLD = "old"
private val TABLES = listOf("lease", "waiter", "pool_state")
private const val CAPACITY = 32
private const val CHURN = 150

/** Some times what lives at most, and some hundredths of what is dead. */
private const val FEW = 1_000
