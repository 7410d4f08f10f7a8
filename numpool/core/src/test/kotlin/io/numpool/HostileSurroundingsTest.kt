package io.numpool

import com.zaxxer.hikari.HikariConfig
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings
import kotlinx.coroutines.coroutineScope
import java.sql.Connection
import java.time.Duration
import java.time.Instant
import javax.sql.DataSource
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds

/** Databases and connections as people have them. A role with the least rights: [LeastRightsTest]. */
class HostileSurroundingsTest :
    StageSpec({
        test("a transaction that is held open for the whole run, and autovacuum off on the hot tables") {
            stage.client() // migrates
            for (table in listOf("pool_state", "lease", "waiter", "session_beat")) {
                stage.database.execute("ALTER TABLE numpool.$table SET (autovacuum_enabled = off)")
            }
            stage.database.connect().use { old ->
                old.autoCommit = false
                old.transactionIsolation = Connection.TRANSACTION_REPEATABLE_READ
                old.createStatement().use { it.execute("CREATE TABLE held (n integer); SELECT * FROM numpool.lease") }
                everythingWorks("old transaction") { stage.client(stage.hikari(), it) }
                old.rollback()
            }
        }

        test("a statement_timeout of 200 ms set by the role: a lock that is held for longer is waited for all the same") {
            stage.client() // migrates
            val role = Role(stage, "_hurried")
            role.mayUseNumpool()
            stage.database.execute("ALTER ROLE \"${role.name}\" SET statement_timeout = '200ms'")
            everythingWorks("hurried") { stage.client(role.dataSource, it) }
            val client = stage.client(role.dataSource)
            val pool = client.pool("behind a lock", 1)
            stage.database.connect().use { other ->
                other.autoCommit = false
                val number = "(SELECT number FROM numpool.pool WHERE id = 'behind a lock')"
                other.run("SELECT pg_advisory_xact_lock('numpool.pool'::regclass::oid::integer, $number)")
                coroutineScope {
                    val asked = asking { pool.acquire(timeout = PATIENCE) }
                    val attempts = HashSet<String?>()
                    val begun = "SELECT max(query_start) FROM pg_stat_activity WHERE usename = '${role.name}' AND wait_event = 'advisory'"
                    await("three attempts", { attempts.apply { stage.database.query(begun)?.let(::add) } }) { it.size >= 3 }
                    asked.isCompleted shouldBe false
                    other.rollback()
                    asked.value().release() shouldBe ResourceState.RELEASED
                }
            }
            client.close()
        }

        test("all of the user's connections are taken: what is held stays held, what is asked for waits") {
            val dataSource = stage.hikari { connectionTimeout = 500 }
            val client =
                stage.client(dataSource) {
                    sessionTtl = 1_500.milliseconds
                    detachGrace = 500.milliseconds
                }
            stage.client { reaperTick = 100.milliseconds } // would find it dead
            val pool = client.pool("starved", 2)
            val held = pool.acquire()
            val session = client.session
            val taken = List(4) { dataSource.connection }
            try {
                val beat = "SELECT renewed FROM numpool.session_beat WHERE session = $session"
                repeat(4) {
                    val seen = stage.database.query(beat)
                    await("a renewal, on the listener's connection", { stage.database.query(beat) }) { it != seen }
                }
                held.isHeld shouldBe true
                shouldThrow<StoreUnavailableException> { pool.acquire(timeout = 700.milliseconds) }
                coroutineScope {
                    val patient = asking { pool.acquire(timeout = PATIENCE) }
                    taken.forEach { it.close() }
                    patient.value().index shouldBe 1
                }
            } finally {
                taken.forEach { it.close() }
            }
            client.session shouldBe session
            held.release() shouldBe ResourceState.RELEASED
        }

        test("temporary tables and functions named like ours on every connection") {
            val tables =
                listOf(
                    "pool",
                    "pool_state",
                    "lease",
                    "waiter",
                    "session",
                    "session_beat",
                    "session_pool",
                    "fence",
                    "eviction",
                    "incarnation",
                )
            val wrong =
                tables.map { "CREATE TEMP TABLE IF NOT EXISTS $it (wrong integer)" } +
                    "CREATE OR REPLACE FUNCTION pg_temp.channel_of(bigint) RETURNS text LANGUAGE sql AS \$\$ SELECT 'wrong' \$\$" +
                    "CREATE OR REPLACE FUNCTION pg_temp.current_incarnation() RETURNS uuid LANGUAGE sql AS \$\$ SELECT NULL::uuid \$\$" +
                    "SET search_path = pg_temp, public"
            stage.client() // migrates
            everythingWorks("temporary") { stage.client(stage.hikari { connectionInitSql = wrong.joinToString(";") }, it) }
        }

        test("a database far from UTC, in a locale that is not C, under a schema with a space and capitals") {
            val name = "${stage.database.name()}_turkish"
            stage.database.execute(
                "CREATE DATABASE \"$name\" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LC_COLLATE 'C' LC_CTYPE 'C'",
            )
            stage.database.execute("ALTER DATABASE \"$name\" SET timezone = 'Asia/Kolkata'")
            stage.database.execute("ALTER DATABASE \"$name\" SET datestyle = 'German, DMY'")
            val turkish = stage.database.postgresDataSource().apply { databaseName = name }
            val odd: NumpoolOptions.Builder.() -> Unit = { schema = "My Pools" }
            everythingWorks("ISTANBUL ıİ") { configure ->
                stage.client(turkish) {
                    odd()
                    configure()
                }
            }
            stage.client(turkish, odd).use { client ->
                val pool = client.pool("when", 1)
                pool.acquire()
                val since =
                    pool
                        .status()
                        .holders
                        .single()
                        .since
                Duration.between(since, Instant.now()).abs() shouldBeLessThan Duration.ofMinutes(5)
                val ids = listOf("I", "i", "ı", "İ").map { client.pool(it, 1).id }
                ids.flatMap { prefix -> client.pools(prefix).map { it.id } } shouldBe ids
            }
            stage.database.execute("DROP DATABASE \"$name\" WITH (FORCE)")
        }

        test("TLS that must be used") {
            OwnPostgres.start(ServerSettings.fast().withTls()).use { server ->
                val database = server.newDatabase()
                Stage(database).use { secured ->
                    val url = database.url().let { "$it${if ('?' in it) '&' else '?'}sslmode=require" }
                    val connections = secured.hikari { jdbcUrl = url }
                    everythingWorks("encrypted") { secured.client(connections, it) }
                    secured.client(connections).use {
                        val encrypted =
                            "SELECT bool_and(s.ssl) AND count(*) > 1 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) " +
                                "WHERE a.datname = current_database() AND pid <> pg_backend_pid()"
                        database.query(encrypted) shouldBe "t"
                    }
                }
            }
        }
    })

private fun Connection.run(sql: String) = createStatement().use { it.execute(sql) }

/** What a pool is for, between two clients that do not poll: an answer that does not come by notice never does. */
private suspend fun everythingWorks(
    id: String,
    open: suspend (NumpoolOptions.Builder.() -> Unit) -> Numpool,
) = coroutineScope {
    val (a, b) =
        List(2) {
            open {
                pollInterval = 1.hours
                reaperTick = 200.milliseconds
                openTimeout = PATIENCE
            }
        }
    a.mode shouldBe NumpoolMode.LISTENING
    b.mode shouldBe NumpoolMode.LISTENING
    val pool = a.pool(id, 2, mapOf("für" to 1))
    val other = b.pool(id)
    repeat(20) {
        val held = pool.acquire(label = "İ ı ß")
        val group = queued(other) { other.acquire(2) }
        val behind = queued(pool) { pool.acquire() }
        held.release() shouldBe ResourceState.RELEASED
        group.value().close()
        behind.value().release() shouldBe ResourceState.RELEASED
    }
    pool.awaitIdle()
    pool.tryAcquire()!!.release() shouldBe ResourceState.RELEASED
    pool.withLock { other.withResource { it.index } } shouldBe 0
    pool.awaitIdle()
    pool.resize(3)
    val last = other.acquire()
    pool.evict(last.index) shouldBe true
    last.awaitLost()?.index shouldBe last.index
    last.close()
    pool.updateMetadata("changed")
    other.refresh()
    other.metadata<String>() shouldBe "changed"
    a.pools(id).map { it.id } shouldBe listOf(id)
    a.deletePool(id)
    a.close()
    b.close()
}
