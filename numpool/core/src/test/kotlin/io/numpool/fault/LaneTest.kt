package io.numpool.fault

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.numpool.ResourceState
import io.numpool.StoreUnavailableException
import io.numpool.await
import io.numpool.awaitWaiting
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Runnable
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import java.util.concurrent.RejectedExecutionException
import kotlin.coroutines.CoroutineContext
import kotlin.time.Duration.Companion.seconds

/** What one caller, one error or one lock does to the others of a pool. */
class LaneTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        val connections = FaultyDataSource(database.dataSource())
        afterSpec {
            sql.close()
            database.close()
        }

        suspend fun client(name: String) =
            database.open(name, connections) {
                sessionTtl = 60.seconds
                detachGrace = 20.seconds
                listener(database.dataSource())
            }

        fun sessionsOf(name: String) = sql.call("SELECT count(*) FROM session WHERE (who).application = ? AND dead IS NULL", name) as Long

        test("a slot for a caller whose dispatcher throws goes to the next") {
            client("dispatcher").use { client ->
                val pool = client.pool("dispatcher", 1)
                val held = pool.acquire()
                val refusing = Refusing()
                CoroutineScope(refusing).launch { pool.acquire() }
                pool.awaitWaiting(1)
                coroutineScope {
                    val next = queued(pool)
                    refusing.refuses = true
                    held.release() shouldBe ResourceState.RELEASED
                    next.soon().release() shouldBe ResourceState.RELEASED
                }
                pool.withResource { it.index } shouldBe 0
            }
        }

        test("a caller whose dispatcher throws does not keep the client from being closed") {
            val client = client("closed")
            val pool = client.pool("closed", 1)
            pool.acquire()
            val refusing = Refusing()
            CoroutineScope(refusing).launch { pool.acquire() }
            pool.awaitWaiting(1)
            refusing.refuses = true
            client.close()
            sessionsOf("closed") shouldBe 0
        }

        test("an Error of the driver costs the session, and the pool goes on") {
            client("error").use { client ->
                val pool = client.pool("error", 1)
                val held = pool.acquire()
                val session = client.session
                coroutineScope {
                    connections.throwNext(LinkageError("as the test wants it"))
                    val asking = async(Dispatchers.Default) { pool.acquire() }
                    held.awaitLost()
                    asking.await().release() shouldBe ResourceState.RELEASED
                }
                (client.session > session) shouldBe true
                awaited("nothing of the other session is left") { sessionsOf("error") == 1L }
            }
        }

        test("who tries does not wait for a lock that is not to be had") {
            client("lock").use { client ->
                val pool = client.pool("lock", 1)
                val number = sql.call("SELECT number FROM pool WHERE id = 'lock'") as Int
                Sql(database).use { inTheWay ->
                    inTheWay.connection.autoCommit = false
                    inTheWay.call("SELECT pg_advisory_xact_lock('pool'::regclass::oid::integer, ?)::text", number)
                    // busy, not idle: nobody ends it
                    val working = later { inTheWay.call("SELECT pg_sleep(20)::text") }
                    shouldThrow<StoreUnavailableException> { pool.tryAcquire() }
                    working.isDone shouldBe false
                    inTheWay.connection.abort(Runnable::run)
                    runCatching { working.soon() }
                }
                await(
                    "a slot to be had again",
                    { runCatching { pool.tryAcquire()?.release() }.getOrNull() },
                ) { it == ResourceState.RELEASED }
            }
        }
    })

/** Somebody's dispatcher. */
private class Refusing : CoroutineDispatcher() {
    @Volatile var refuses = false

    override fun dispatch(
        context: CoroutineContext,
        block: Runnable,
    ) = if (refuses) throw RejectedExecutionException("as the test wants it") else Dispatchers.Default.dispatch(context, block)
}
