package io.numpool.fault

import io.kotest.core.spec.style.FunSpec
import io.kotest.core.test.Enabled
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.Numpool
import io.numpool.NumpoolAsync
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.ResourceState
import io.numpool.testkit.PgBouncer
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

/** A PgBouncer that pools by transaction stands between all clients and the server. */
class PoolerTest :
    FunSpec({
        val installed = if (PgBouncer.program().isPresent) Enabled.enabled else Enabled.disabled("pgbouncer is not installed")
        val database = TestPostgres.shared().newDatabase()
        val sql = Sql(database)
        afterSpec {
            sql.close()
            database.close()
        }

        suspend fun PgBouncer.client(
            name: String,
            configure: NumpoolOptions.Builder.() -> Unit = {},
        ): Numpool =
            Numpool.open(url()) {
                this.name = name
                pollInterval = 50.milliseconds
                configure()
            }

        fun sessionLocks() =
            sql.rows(
                "SELECT l.objid FROM pg_locks l JOIN pg_stat_activity a USING (pid) " +
                    "WHERE l.locktype = 'advisory' AND l.granted AND a.state = 'idle' AND a.datname = current_database()",
            ) { it.getLong(1) }

        test("no notifications: the client says why within 5 s, and goes on by polling").config(enabledOrReasonIf = { installed }) {
            repeated("pooled by transaction") {
                PgBouncer.inFrontOf(database, 4).use { bouncer ->
                    bouncer.client("one").use { one ->
                        measureTime { awaited("one to poll") { one.mode == NumpoolMode.POLL_ONLY } } shouldBeLessThan 5.seconds
                        awaited("the reason") { one.modeReason != null }
                        one.modeReason!! shouldContain "a pooler stands in between"
                        NumpoolAsync.open(bouncer.url(), NumpoolOptions.defaults()).use { java ->
                            awaited("the reason in Java") { java.modeReason().isPresent }
                            java.modeReason().get() shouldContain "a pooler stands in between"
                        }
                        bouncer.client("two").use { two ->
                            awaited("two to poll") { two.mode == NumpoolMode.POLL_ONLY }
                            coroutineScope {
                                val held = one.pool("far", 1).acquire()
                                val waiter = queued(two.pool("far"))
                                held.release() shouldBe ResourceState.RELEASED
                                waiter.soon().release() shouldBe ResourceState.RELEASED
                            }
                        }
                    }
                }
            }
        }

        test("no slot is given twice, and nothing of a session stays behind on the server's connections")
            .config(enabledOrReasonIf = { installed }) {
                repeated("pooled by transaction, under load") {
                    PgBouncer.inFrontOf(database, 3).use { bouncer ->
                        val holders = AtomicInteger()
                        val most = AtomicInteger()
                        val clients = List(3) { bouncer.client("busy $it") }
                        try {
                            coroutineScope {
                                val pool = clients.map { it.pool("busy", 2) }
                                List(12) { worker ->
                                    async(Dispatchers.Default) {
                                        repeat(20) {
                                            pool[worker % 3].withResource {
                                                most.accumulateAndGet(holders.incrementAndGet(), ::maxOf)
                                                holders.decrementAndGet()
                                            }
                                        }
                                    }
                                }.awaitAll()
                            }
                            (most.get() <= 2) shouldBe true
                            clients.forEach { client -> awaited("${client.name} to poll") { client.mode == NumpoolMode.POLL_ONLY } }
                            awaited("no session-level lock") { sessionLocks().isEmpty() }
                            awaited("all is back") { database.isFree("busy") } // an answer may have been lost: then it is given back again
                        } finally {
                            clients.forEach { it.close() }
                        }
                        awaited("no session") { sql.rows("SELECT id FROM session") { it.getLong(1) }.isEmpty() }
                    }
                }
            }

        test("with a listener of its own past the pooler it listens").config(enabledOrReasonIf = { installed }) {
            PgBouncer.inFrontOf(database, 4).use { bouncer ->
                bouncer
                    .client("past") {
                        listenerUrl = database.urlWithPassword()
                        pollInterval = NEVER
                    }.use { past ->
                        awaited("it listens") { past.mode == NumpoolMode.LISTENING }
                        bouncer.client("other").use { other ->
                            coroutineScope {
                                val held = other.pool("mixed", 1).acquire()
                                val waiter = queued(past.pool("mixed"))
                                held.release() shouldBe ResourceState.RELEASED
                                waiter.soon().release() shouldBe ResourceState.RELEASED
                            }
                        }
                    }
            }
        }
    })
