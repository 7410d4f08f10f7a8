package io.numpool.notify

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariCredentialsProvider
import com.zaxxer.hikari.HikariDataSource
import com.zaxxer.hikari.util.Credentials
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import org.postgresql.ds.PGSimpleDataSource
import java.sql.Connection
import java.util.concurrent.atomic.AtomicInteger
import javax.sql.DataSource

class ConnectionProviderTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        fun hikari(configure: HikariConfig.() -> Unit) =
            HikariDataSource(
                HikariConfig().apply {
                    maximumPoolSize = 1
                    minimumIdle = 0
                    configure()
                },
            )

        fun simple() = PGSimpleDataSource().also { it.setUrl(database.url) }

        suspend fun serves(notifier: Notifier) {
            val seen = notifier.watch("x")
            notifier.publish("x", "y")
            seen.nextPayload() shouldBe "y"
        }

        val pools: Map<String, HikariConfig.() -> Unit> =
            mapOf(
                "jdbcUrl" to {
                    jdbcUrl = database.urlWithoutUser
                    username = database.user
                    password = database.password
                },
                "a DataSource" to { dataSource = simple() },
                "the class of a DataSource and its properties" to {
                    dataSourceClassName = PGSimpleDataSource::class.java.name
                    username = database.user
                    password = database.password
                    addDataSourceProperty("serverName", database.host)
                    addDataSourceProperty("portNumber", database.port)
                    addDataSourceProperty("databaseName", database.name)
                },
            )
        for ((what, configure) in pools) {
            test("from a HikariDataSource with $what: prompt, and outside the pool") {
                hikari(configure).use { pool ->
                    Notifier.open(pool).use { notifier ->
                        notifier.prompt shouldBe true
                        serves(notifier)
                        pool.connection.use { it.isValid(1) shouldBe true }
                    }
                    pool.isClosed shouldBe false
                }
            }
        }

        test("from a HikariDataSource with a credentials provider: asked at each connection") {
            val asked = AtomicInteger()
            hikari {
                jdbcUrl = database.urlWithoutUser
                username = "nobody"
                credentialsProvider =
                    HikariCredentialsProvider {
                        asked.incrementAndGet()
                        Credentials.of(database.user, database.password)
                    }
            }.use { pool ->
                val listening = ConnectionProvider.listening(pool)
                val before = asked.get()
                repeat(2) { listening.open().close() }
                (asked.get() - before >= 2) shouldBe true
                Notifier.open(pool).use { serves(it) }
            }
        }

        test("sends on a pool's connections, and on a kept one where each would be new") {
            ConnectionProvider.sending(simple()).pooled shouldBe false
            hikari { jdbcUrl = database.url }.use { ConnectionProvider.sending(it).pooled shouldBe true }
        }

        test("from pgjdbc's DataSource: prompt, and itself untouched") {
            val dataSource = simple()
            val before = dataSource.getUrl()
            Notifier.open(dataSource).use { notifier ->
                notifier.prompt shouldBe true
                serves(notifier)
            }
            dataSource.getUrl() shouldBe before
            dataSource.socketFactory shouldBe null
        }

        test("from any other DataSource: its own connections, visibly not prompt, and never put back listening") {
            hikari { jdbcUrl = database.url }.use { pool ->
                pool.maximumPoolSize = 2
                val other = object : DataSource by pool {}
                val notifier = Notifier.open(other)
                notifier.use {
                    notifier.prompt shouldBe false
                    serves(notifier)
                }
                notifier.statistics.errors shouldBe 0
                val listening: (
                    Connection,
                ) -> List<String> = { connection -> connection.rows("SELECT pg_listening_channels()") { it.getString(1) } }
                pool.connection.use { first ->
                    pool.connection.use { second ->
                        listening(first) shouldBe emptyList()
                        listening(second) shouldBe emptyList()
                    }
                }
            }
        }

        test("a socket factory of the user's own is kept, and visible as not prompt") {
            val url = database.url + "&socketFactory=" + OwnFactory::class.java.name
            Notifier.open(url).use { notifier ->
                notifier.prompt shouldBe false
                serves(notifier)
            }
            OwnFactory.used shouldBe true
        }

        test("connectionInitSql of a pool is run on the listener's connection too") {
            hikari {
                jdbcUrl = database.url
                connectionInitSql = "SET search_path = elsewhere"
            }.use { pool ->
                ConnectionProvider.listening(pool).open().use { connection ->
                    connection.rows("SHOW search_path") { it.getString(1) } shouldBe listOf("elsewhere")
                }
            }
        }
    })

class OwnFactory : javax.net.SocketFactory() {
    private val plain = getDefault()

    override fun createSocket() = plain.createSocket().also { used = true }!!

    override fun createSocket(
        host: String?,
        port: Int,
    ) = plain.createSocket(host, port)!!

    override fun createSocket(
        host: String?,
        port: Int,
        localHost: java.net.InetAddress?,
        localPort: Int,
    ) = plain.createSocket(host, port, localHost, localPort)!!

    override fun createSocket(
        host: java.net.InetAddress?,
        port: Int,
    ) = plain.createSocket(host, port)!!

    override fun createSocket(
        address: java.net.InetAddress?,
        port: Int,
        localAddress: java.net.InetAddress?,
        localPort: Int,
    ) = plain.createSocket(address, port, localAddress, localPort)!!

    companion object {
        @Volatile
        var used = false
    }
}
