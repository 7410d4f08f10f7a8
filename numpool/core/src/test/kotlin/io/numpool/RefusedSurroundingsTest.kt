package io.numpool

import com.zaxxer.hikari.HikariDataSource
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.string.shouldNotContain
import io.numpool.testkit.TestPostgres
import java.net.ServerSocket
import java.sql.SQLException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

/** What open says when it is not welcome. */
class RefusedSurroundingsTest :
    StageSpec({
        suspend fun <T> within(
            time: Duration,
            call: suspend () -> T,
        ): T {
            val result: Result<T>
            measureTime { result = runCatching { call() } } shouldBeLessThan time
            return result.getOrThrow()
        }

        test("a wrong password: a plain DataSource") {
            val dataSource = stage.database.postgresDataSource().apply { password = "wrong" }
            val denied = shouldThrow<StoreAccessDeniedException> { Numpool.open(dataSource) }
            denied.message shouldContain "password"
            // a coroutine may have copied the exception on its way, for the stack trace: then the original is the cause
            generateSequence<Throwable>(denied) { it.cause }.filterIsInstance<SQLException>().first().sqlState shouldBe "28P01"
        }

        test("a wrong password: HikariCP") {
            val denied =
                shouldThrow<StoreAccessDeniedException> { within(25.seconds) { Numpool.open(lazyHikari(stage) { password = "wrong" }) } }
            denied.message shouldContain "password"
            denied.message shouldContain hostOf(stage.database.url())
        }

        test("a wrong password: a HikariCP that keeps the refusal to itself for longer than the open timeout") {
            val dataSource =
                lazyHikari(stage) {
                    password = "wrong"
                    connectionTimeout = 30_000
                    initializationFailTimeout = -1
                }
            val denied =
                shouldThrow<StoreAccessDeniedException> { within(25.seconds) { Numpool.open(dataSource) { openTimeout = 3.seconds } } }
            denied.message shouldContain "password"
        }

        test("a wrong password: a URL; told at once, and it is not shown") {
            val denied =
                shouldThrow<StoreAccessDeniedException> {
                    // HikariCP tells after 5 s
                    within(4_500.milliseconds) { Numpool.open(stage.database.url(), stage.database.user(), "guessed") }
                }
            denied.message shouldNotContain "guessed"
        }

        test("an unknown database") {
            val dataSource = stage.database.postgresDataSource().apply { databaseName = "nowhere" }
            shouldThrow<StoreAccessDeniedException> { Numpool.open(dataSource) { openTimeout = 1.seconds } }.message shouldContain "nowhere"
        }

        test("no right to connect: names the privilege") {
            Stage().use { closed ->
                closed.database.execute("REVOKE CONNECT ON DATABASE ${closed.database.name()} FROM PUBLIC")
                Role(closed).use { role ->
                    shouldThrow<StoreAccessDeniedException> { Numpool.open(role.dataSource) }.message shouldContain "CONNECT privilege"
                }
            }
        }

        test("a host where nobody listens: unavailable within the open timeout, naming the host") {
            val port = ServerSocket(0).use { it.localPort }
            val dataSource = stage.database.postgresDataSource().apply { portNumbers = intArrayOf(port) }
            val unavailable =
                shouldThrow<StoreUnavailableException> {
                    within(15.seconds) {
                        Numpool.open(dataSource) {
                            openTimeout =
                                500.milliseconds
                        }
                    }
                }
            unavailable.host shouldContain ":$port"
            unavailable.message shouldContain ":$port"
        }

        test("a host that answers nothing: unavailable within the open timeout, naming the host") {
            ServerSocket(0, 50).use { silent ->
                val url = "jdbc:postgresql://localhost:${silent.localPort}/db"
                val unavailable =
                    shouldThrow<StoreUnavailableException> {
                        within(15.seconds) {
                            Numpool.open(url, "me", "pw") {
                                openTimeout =
                                    500.milliseconds
                            }
                        }
                    }
                unavailable.host shouldBe "localhost:${silent.localPort}"
            }
        }

        test("a dead host behind a HikariCP whose own timeout is 30 s") {
            ServerSocket(0, 50).use { silent ->
                val dataSource =
                    HikariDataSource().apply {
                        jdbcUrl = "jdbc:postgresql://localhost:${silent.localPort}/db"
                        username = "me"
                        connectionTimeout = 30_000
                        initializationFailTimeout = -1
                    }
                val unavailable =
                    shouldThrow<StoreUnavailableException> {
                        within(
                            15.seconds,
                        ) { Numpool.open(dataSource) { openTimeout = 500.milliseconds } }
                    }
                unavailable.host shouldBe "localhost:${silent.localPort}"
            }
        }

        test("a database without a free connection: unavailable within the open timeout") {
            val dataSource = stage.hikari { connectionTimeout = 30_000 }
            val taken = List(4) { dataSource.connection }
            shouldThrow<StoreUnavailableException> { within(15.seconds) { Numpool.open(dataSource) { openTimeout = 500.milliseconds } } }
            taken.forEach { it.close() }
        }

        test("no right to create the schema: names the GRANT") {
            Stage(TestPostgres.shared().emptyDatabase()).use { empty ->
                Role(empty).use { role ->
                    val denied = shouldThrow<StoreAccessDeniedException> { Numpool.open(role.dataSource) }
                    denied.message shouldContain "GRANT CREATE ON DATABASE"
                }
            }
        }

        test("no right to use the schema: names the GRANT") {
            Role(stage).use { role ->
                val denied = shouldThrow<StoreAccessDeniedException> { Numpool.open(role.dataSource) }
                denied.message shouldContain "GRANT USAGE ON SCHEMA \"numpool\""
            }
        }

        test("no right to call the functions: names the GRANT") {
            Role(stage).use { role ->
                stage.database.execute("GRANT USAGE ON SCHEMA numpool TO ${role.name}")
                val denied = shouldThrow<StoreAccessDeniedException> { Numpool.open(role.dataSource) }
                denied.message shouldContain "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \"numpool\""
            }
        }

        test("a schema migrated by a newer numpool") {
            Stage().use { newer ->
                newer.database.execute("INSERT INTO numpool.pool_version (version) VALUES (4711)")
                val refused = shouldThrow<SchemaTooNewException> { newer.client() }
                refused.schema shouldBe "numpool"
                refused.installed shouldBe 4711
                refused.supported shouldBe 1
                refused.message shouldContain "4711"
                refused.message shouldContain "${refused.supported}"
            }
        }

        test("a refused open leaves no connection behind") {
            Stage(TestPostgres.shared().emptyDatabase()).use { empty ->
                val url = "${empty.database.urlWithPassword()}&ApplicationName=refused-open"
                shouldThrow<SchemaMissingException> { Numpool.open(url) { migrate = false } }
                await("no connection", { empty.count("pg_stat_activity WHERE application_name = 'refused-open'") }) { it == 0 }
            }
        }
    })

private fun lazyHikari(
    stage: Stage,
    configure: HikariDataSource.() -> Unit,
) = HikariDataSource().apply {
    jdbcUrl = stage.database.url()
    username = stage.database.user()
    connectionTimeout = 1_000
    maximumPoolSize = 2
    configure()
}

private fun hostOf(url: String) = url.substringAfter("//").substringBefore('/')
