package io.numpool

import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldNotBeEmpty
import io.kotest.matchers.shouldBe
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import java.lang.reflect.InvocationHandler
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Proxy
import java.sql.Connection
import java.sql.SQLException
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import javax.sql.DataSource

/** DataSources as users have them: their connections are not in autocommit, or isolated more than READ COMMITTED. */
class UserDataSourceTest :
    StageSpec({
        val isBusy = AtomicBoolean()
        val levels =
            mapOf(
                "REPEATABLE READ" to Connection.TRANSACTION_REPEATABLE_READ,
                "SERIALIZABLE" to Connection.TRANSACTION_SERIALIZABLE,
            )

        test("connections without autocommit go back without autocommit") {
            val dataSource = Lending(stage.database.dataSource()) { autoCommit = false }
            exercise(dataSource)
            dataSource.returned.shouldNotBeEmpty()
            dataSource.returned.filter { it.autoCommit }.shouldBeEmpty()
        }

        for ((name, level) in levels) {
            test("connections at $name go back at $name") {
                val dataSource =
                    Lending(stage.database.dataSource()) {
                        transactionIsolation = level
                        autoCommit = false
                    }
                exercise(dataSource)
                dataSource.returned.shouldNotBeEmpty()
                dataSource.returned.filter { it.autoCommit || it.isolation != level }.shouldBeEmpty()
            }

            test("a HikariCP of $name and no autocommit will do, listener and all") {
                val dataSource =
                    stage.hikari {
                        isAutoCommit = false
                        transactionIsolation = "TRANSACTION_${name.replace(' ', '_')}"
                    }
                stage.client(dataSource).mode shouldBe NumpoolMode.LISTENING
                exercise(dataSource)
                dataSource.connection.use { (it.autoCommit to it.transactionIsolation) shouldBe (false to level) }
            }

            test("a database whose default is $name will do, from the migration on") {
                Stage(TestPostgres.shared().emptyDatabase()).use { own ->
                    own.database.execute("ALTER DATABASE ${own.database.name()} SET default_transaction_isolation = '${name.lowercase()}'")
                    own.exercise(own.hikari())
                }
            }
        }

        test("connections that hide the driver will do for all but LISTEN") {
            coroutineScope {
                val client = stage.client(Lending(stage.database.dataSource(), hidesDriver = true) {}) { pollOnly = true }
                val pool = client.pool("hidden", 2)
                val held = pool.acquire(2)
                val waiters = List(3) { queued(pool) { pool.acquire(label = "waits") } }
                held.release() shouldBe List(2) { ResourceState.RELEASED }
                waiters.forEach { it.value().release() shouldBe ResourceState.RELEASED }
            }
        }

        test("storeConnections of them are used at a time, and no more") {
            coroutineScope {
                val together = CountDownLatch(3)
                val dataSource =
                    Lending(stage.database.dataSource()) {
                        if (isBusy.get()) {
                            together.countDown()
                            together.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)
                        }
                    }
                val pool =
                    stage
                        .client(dataSource) {
                            storeConnections = 3
                            pollOnly = true
                        }.pool("together", 1)
                isBusy.set(true)
                List(30) { async(Dispatchers.Default) { pool.status() } }.awaitAll()
                dataSource.most.get() shouldBe 3
            }
        }

        test("a user's transaction is not touched, and does not stop numpool") {
            val dataSource = stage.hikari()
            dataSource.connection.use { mine ->
                mine.autoCommit = false
                mine.createStatement().execute("CREATE TABLE mine (x int)")
                exercise(dataSource)
                mine.rollback()
            }
            stage.count("pg_class WHERE relname = 'mine'") shouldBe 0
        }
    })

private suspend fun StageSpec.exercise(dataSource: DataSource) = stage.exercise(dataSource)

/** The common calls, with two clients. */
private suspend fun Stage.exercise(dataSource: DataSource) =
    coroutineScope {
        val id = freshName("exercised")
        val a = client(dataSource)
        val b = client(dataSource)
        val pool = a.pool(id, 1)
        val other = b.pool(id)
        repeat(5) {
            val holder = pool.acquire()
            val waiter = queued(pool) { other.acquire() }
            holder.release() shouldBe ResourceState.RELEASED
            waiter.value().release() shouldBe ResourceState.RELEASED
        }
        pool.resize(2)
        pool.updateMetadata("x")
        pool.withLock { pool.withResource { it.index } } shouldBe 0
        val held = pool.acquire()
        a.close()
        held.isHeld shouldBe false
        other.awaitIdle()
        b.deletePool(id)
        b.close()
    }

private class Returned(
    val autoCommit: Boolean,
    val isolation: Int,
)

/** Lends connections set as a user would, and notes how they come back. */
private class Lending(
    private val from: DataSource,
    private val hidesDriver: Boolean = false,
    private val set: Connection.() -> Unit,
) : DataSource by from {
    val returned = ConcurrentLinkedQueue<Returned>()

    /** Lent at a time, at most. */
    val most = AtomicInteger()
    private val lent = AtomicInteger()

    override fun getConnection(): Connection {
        most.accumulateAndGet(lent.incrementAndGet(), ::maxOf)
        val real = from.connection.apply(set)
        val handler =
            InvocationHandler { _, method, arguments ->
                if (method.name == "close" && !real.isClosed) {
                    returned += Returned(real.autoCommit, real.transactionIsolation)
                    lent.decrementAndGet()
                }
                if (hidesDriver && method.name == "isWrapperFor") return@InvocationHandler false
                if (hidesDriver && method.name == "unwrap") throw SQLException("not shown")
                try {
                    method.invoke(real, *(arguments ?: emptyArray()))
                } catch (e: InvocationTargetException) {
                    throw e.targetException
                }
            }
        return Proxy.newProxyInstance(javaClass.classLoader, arrayOf(Connection::class.java), handler) as Connection
    }
}
