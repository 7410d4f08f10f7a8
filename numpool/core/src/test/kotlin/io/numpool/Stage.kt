package io.numpool

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import java.util.concurrent.ConcurrentLinkedDeque
import java.util.concurrent.atomic.AtomicInteger

/** A database of a spec's own, and clients on it; all ends with it. */
class Stage(
    val database: TestDatabase = TestPostgres.shared().newDatabase(),
) : AutoCloseable {
    private val open = ConcurrentLinkedDeque<AutoCloseable>()
    private val names = AtomicInteger()

    /** A client on connections of its own, as a process would have them. */
    suspend fun client(configure: NumpoolOptions.Builder.() -> Unit = {}): Numpool = client(hikari(), configure)

    suspend fun client(
        dataSource: javax.sql.DataSource,
        configure: NumpoolOptions.Builder.() -> Unit = {},
    ): Numpool =
        Numpool
            .open(dataSource) {
                name = freshName("client")
                openTimeout = PATIENCE
                configure()
            }.also { open.push(it) }

    fun hikari(configure: HikariConfig.() -> Unit = {}): HikariDataSource =
        HikariDataSource(
            HikariConfig().apply {
                jdbcUrl = database.url()
                username = database.user()
                password = database.password()
                maximumPoolSize = 4
                minimumIdle = 0
                poolName = freshName("hikari")
                configure()
            },
        ).also { open.push(it) }

    fun freshName(stem: String): String = "$stem-${names.incrementAndGet()}"

    fun count(sql: String): Int = database.query("SELECT count(*) FROM $sql").toInt()

    /** Closes clients before the connections that they use. */
    override fun close() {
        generateSequence { open.poll() }.forEach { it.close() }
        database.close()
    }
}
