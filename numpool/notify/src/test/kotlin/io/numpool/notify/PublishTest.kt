package io.numpool.notify

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.ranges.shouldBeIn
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import org.jooq.SQLDialect
import org.jooq.impl.DSL
import java.sql.Connection
import java.sql.SQLException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds

class PublishTest :
    FunSpec({
        val database = Database()
        afterSpec { database.close() }

        /** Sends on [connections], and listens past them. */
        fun sending(connections: ConnectionProvider) =
            Notifier.open(ConnectionProvider.of(database.url), connections, NotifierOptions.builder().build())

        test("takes payloads up to the limit in bytes, not characters, and refuses longer ones") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("large")
                val largest = "ü".repeat(7_900 / 2)
                notifier.publish("large", largest)
                seen.nextPayload() shouldBe largest
                shouldThrow<IllegalArgumentException> { notifier.publish("large", largest + "x") }.message shouldContain
                    "payload has 7901 bytes, must be at most 7900"
            }
            Notifier.open(database.dataSource) { maxPayloadBytes = 7_999 }.use { notifier ->
                val seen = notifier.watch("largest")
                notifier.publish("largest", "x".repeat(7_999))
                seen.nextPayload().length shouldBe 7_999
            }
        }

        test("commits on a pool whose connections don't by themselves") {
            val config =
                HikariConfig().apply {
                    jdbcUrl = database.url
                    isAutoCommit = false
                    maximumPoolSize = 1
                }
            HikariDataSource(config).use { pool ->
                Notifier.open(pool).use { notifier ->
                    val seen = notifier.watch("manual")
                    notifier.publish("manual", "committed")
                    seen.nextPayload() shouldBe "committed"
                }
            }
        }

        test("by URL: one connection is kept, and replaced when it died") {
            Notifier.open(database.url) { name = "kept" }.use { notifier ->
                val seen = notifier.watch("kept")
                notifier.awaitListening()
                repeat(10) { notifier.publish("kept", "$it") }
                repeat(10) { seen.nextPayload() shouldBe "$it" }
                database.sessions() shouldBe 2
                database.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND pid <> pg_backend_pid()",
                ) {}
                seen.nextGap()
                await("a publisher again", { runCatching { notifier.publish("kept", "again") }.isSuccess }) { it }
                seen.nextPayload() shouldBe "again"
            }
        }

        test("what waits while a transaction is under way goes together into the next one, in order") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            sending(connections).use { notifier ->
                val seen = notifier.watch("many")
                notifier.awaitListening()
                coroutineScope {
                    connections.hold()
                    val first = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("many", "first") }
                    connections.awaitUse()
                    val others = List(500) { async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("many", "$it") } }
                    val before = connections.uses
                    connections.letGo()
                    (listOf(first) + others).awaitAll()
                    connections.uses - before shouldBeLessThan 5
                }
                seen.nextPayload() shouldBe "first"
                List(500) { seen.nextPayload() } shouldBe List(500) { "$it" }
            }
        }

        test("equal notifications that wait together all arrive") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            sending(connections).use { notifier ->
                val seen = notifier.watch("equal")
                notifier.awaitListening()
                coroutineScope {
                    connections.hold()
                    val all =
                        List(6) {
                            async(start = CoroutineStart.UNDISPATCHED) {
                                notifier.publish(
                                    "equal",
                                    if (it ==
                                        3
                                    ) {
                                        "other"
                                    } else {
                                        "same"
                                    },
                                )
                            }
                        }
                    connections.letGo()
                    all.awaitAll()
                }
                List(6) { seen.nextPayload() } shouldBe listOf("same", "same", "same", "other", "same", "same")
            }
        }

        test("one that is cancelled before its transaction has begun is not sent") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            sending(connections).use { notifier ->
                val seen = notifier.watch("regretted")
                notifier.awaitListening()
                coroutineScope {
                    connections.hold()
                    val first = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("regretted", "first") }
                    connections.awaitUse()
                    val regretted = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("regretted", "no") }
                    val last = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("regretted", "last") }
                    regretted.cancelAndJoin()
                    connections.letGo()
                    listOf(first, last).awaitAll()
                }
                List(2) { seen.nextPayload() } shouldBe listOf("first", "last")
            }
        }

        test("one that the database refuses doesn't take the others with it") {
            Latin().use { latin ->
                val url = latin.url
                val connections = CountingConnections(ConnectionProvider.of(url))
                Notifier.open(ConnectionProvider.of(url), connections, NotifierOptions.builder().build()).use { notifier ->
                    val seen = notifier.watch("euros")
                    notifier.awaitListening()
                    supervisorScope {
                        connections.hold()
                        val all =
                            listOf(
                                "1 £",
                                "1 €",
                                "2 £",
                            ).map { async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("euros", it) } }
                        connections.letGo()
                        all[0].await()
                        shouldThrow<PublishException> { all[1].await() }.message shouldContain "LATIN1"
                        all[2].await()
                    }
                    List(2) { seen.nextPayload() } shouldBe listOf("1 £", "2 £")
                }
            }
        }

        test("one that is cancelled while it waits for a connection is not sent") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            sending(connections).use { notifier ->
                val seen = notifier.watch("given up")
                notifier.awaitListening()
                coroutineScope {
                    connections.hold()
                    val regretted = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("given up", "no") }
                    connections.awaitUse()
                    regretted.cancelAndJoin()
                    connections.letGo()
                }
                notifier.publish("given up", "yes")
                seen.nextPayload() shouldBe "yes"
            }
        }

        for (failure in listOf(CancellationException("not yours"), AssertionError("an Error"))) {
            test("a provider that throws ${failure.javaClass.simpleName}: that publish fails, and later ones work") {
                val connections = CountingConnections(ConnectionProvider.of(database.url))
                sending(connections).use { notifier ->
                    val seen = notifier.watch("odd")
                    notifier.awaitListening()
                    connections.onOpened = { throw failure }
                    val error = shouldThrow<PublishException> { withTimeout(PATIENCE) { notifier.publish("odd", "no") } }
                    error.message shouldContain failure.message!!
                    connections.onOpened = {}
                    withTimeout(PATIENCE) { notifier.publish("odd", "yes") }
                    seen.nextPayload() shouldBe "yes"
                    shouldThrow<IllegalArgumentException> { notifier.publish("odd", "half \uD83D") }.message shouldContain "surrogate"
                }
            }
        }

        test("equal notifications that still wait when it is closed end with it") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            val options = NotifierOptions.builder().closeTimeout(java.time.Duration.ofMillis(100)).build()
            val notifier = Notifier.open(ConnectionProvider.of(database.url), connections, options)
            notifier.awaitListening()
            coroutineScope {
                connections.hold()
                val all =
                    listOf(
                        "first",
                        "x",
                        "x",
                        "x",
                    ).map { async(start = CoroutineStart.UNDISPATCHED) { runCatching { notifier.publish("left", it) } } }
                connections.awaitUse()
                notifier.shutdown()
                connections.letGo()
                all.forEach { (withTimeout(PATIENCE) { it.await() }.exceptionOrNull() is NotifierClosedException) shouldBe true }
            }
        }

        test("those behind a refused one that still wait when it is closed end with it") {
            Latin().use { latin ->
                val connections = CountingConnections(ConnectionProvider.of(latin.url))
                val options = NotifierOptions.builder().closeTimeout(java.time.Duration.ofMillis(100)).build()
                val notifier = Notifier.open(ConnectionProvider.of(latin.url), connections, options)
                notifier.awaitListening()
                coroutineScope {
                    connections.hold()
                    val before = async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("split", "0") }
                    connections.awaitUse()
                    val all =
                        listOf("€", "1", "2", "3").map {
                            async(start = CoroutineStart.UNDISPATCHED) { runCatching { notifier.publish("split", it) } }
                        }
                    // the one before, all four together, then the first one, then the second
                    var left = 4
                    connections.onOpened = { if (--left == 0) connections.hold() }
                    connections.letGo()
                    before.await()
                    withTimeout(PATIENCE) { all[1].await() }.isSuccess shouldBe true
                    notifier.shutdown()
                    connections.letGo()
                    (all[0].await().exceptionOrNull() is PublishException) shouldBe true
                    all
                        .drop(
                            2,
                        ).forEach { (withTimeout(PATIENCE) { it.await() }.exceptionOrNull() is NotifierClosedException) shouldBe true }
                }
            }
        }

        test("asking for the queue's usage can be given up while the pool has no connection") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            sending(connections).use { notifier ->
                notifier.awaitListening()
                connections.hold()
                withTimeoutOrNull(50.milliseconds) { notifier.queueUsage() } shouldBe null
                connections.letGo()
                notifier.queueUsage() shouldBeIn 0.0..0.01
            }
        }

        test("in the caller's transaction: with its commit, and not at all when it is rolled back") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("orders")
                database.connect().use { connection ->
                    connection.autoCommit = false
                    notifier.publish(connection, "orders", "rolled back")
                    connection.rollback()
                    connection.createStatement().use { it.execute("SET LOCAL synchronous_commit = on") }
                    notifier.publish(connection, "orders", "committed")
                    notifier.publish("orders", "meanwhile")
                    seen.nextPayload() shouldBe "meanwhile"
                    connection.rows("SHOW synchronous_commit") { it.getString(1) } shouldBe listOf("on")
                    connection.commit()
                    seen.nextPayload() shouldBe "committed"
                }
            }
        }

        test("in jOOQ's transaction") {
            Notifier.open(database.dataSource).use { notifier ->
                val seen = notifier.watch("jooq")
                val dsl = DSL.using(database.dataSource, SQLDialect.POSTGRES)
                shouldThrow<IllegalStateException> {
                    dsl.transaction { it ->
                        notifier.publish(it.dsl(), "jooq", "rolled back")
                        throw IllegalStateException("no")
                    }
                }
                dsl.transaction { it -> notifier.publish(it.dsl(), "jooq", "committed") }
                seen.nextPayload() shouldBe "committed"
            }
        }

        test("a bad channel name or payload is refused before it is sent, in a transaction, too") {
            Notifier.open(database.dataSource).use { notifier ->
                database.connect().use { connection ->
                    connection.autoCommit = false
                    shouldThrow<IllegalArgumentException> { notifier.publish("c", "a\u0000b") }.message shouldContain "NUL"
                    shouldThrow<IllegalArgumentException> { notifier.publish(connection, "c", "a\u0000b") }.message shouldContain "NUL"
                    shouldThrow<IllegalArgumentException> { notifier.publish(connection, "", "a") }
                    shouldThrow<IllegalArgumentException> { notifier.publish(connection, "c", "x".repeat(7_901)) }
                    connection.rows("SELECT 1") { it.getInt(1) } shouldBe listOf(1) // not aborted
                }
            }
        }

        test("an aborted transaction is an error that names the channel") {
            Notifier.open(database.dataSource).use { notifier ->
                database.connect().use { connection ->
                    connection.autoCommit = false
                    shouldThrow<SQLException> { connection.rows("SELECT 1/0") {} }
                    shouldThrow<PublishException> { notifier.publish(connection, "late") }.channel shouldBe "late"
                }
            }
        }

        test("those who wait to send when it is closed are sent") {
            val connections = CountingConnections(ConnectionProvider.of(database.url))
            val notifier = sending(connections)
            notifier.awaitListening()
            Notifier.open(database.dataSource).use { other ->
                val seen = other.watch("last")
                coroutineScope {
                    connections.hold()
                    val all = List(3) { async(start = CoroutineStart.UNDISPATCHED) { notifier.publish("last", "$it") } }
                    val closing = async(Dispatchers.IO) { notifier.close() }
                    notifier.awaitMode<NotifierMode.Closed>()
                    connections.letGo()
                    all.awaitAll()
                    closing.await()
                }
                List(3) { seen.nextPayload() } shouldBe List(3) { "$it" }
                shouldThrow<NotifierClosedException> { notifier.publish("last", "too late") }
            }
        }

        test("tells how full the server's queue is") {
            Notifier.open(database.dataSource).use { notifier ->
                database.connect().use { connection ->
                    notifier.queueUsage() shouldBeIn 0.0..0.01
                    connection.autoCommit = false
                    connection.createStatement().use { it.execute("LISTEN stuck") }
                    connection.commit()
                    connection.rows("SELECT 1") {} // and stays in that transaction
                    val text = "x".repeat(7_000)
                    repeat(300) { notifier.publish("stuck", text + it) }
                    await("the queue to fill", { notifier.queueUsage() }) { it > 0.0 }
                }
            }
        }

        for (kept in listOf(true, false)) {
            test(
                "on a network that swallows everything it fails after publishTimeout, connection ${if (kept) "kept" else "borrowed"}, and works later",
            ) {
                database.proxy().use { proxy ->
                    val connections = CountingConnections(ConnectionProvider.of(database.url(proxy)), pooled = !kept)
                    val options = NotifierOptions.builder().publishTimeout(java.time.Duration.ofMillis(200)).build()
                    Notifier.open(ConnectionProvider.of(database.url), connections, options).use { notifier ->
                        val seen = notifier.watch("hole")
                        notifier.awaitListening()
                        notifier.publish("hole", "before")
                        seen.nextPayload() shouldBe "before"
                        connections.onOpened = proxy::swallow
                        if (kept) proxy.swallow()
                        shouldThrow<PublishException> { notifier.publish("hole", "lost") }.message shouldContain "no answer within 200 ms"
                        connections.onOpened = {}
                        proxy.resume()
                        notifier.publish("hole", "after")
                        generateSequence { runBlocking { seen.nextPayload() } }.first { it != "lost" } shouldBe "after"
                    }
                }
            }
        }

        test("what can't be sent is an error that names the channel") {
            database.proxy().use { proxy ->
                Notifier.open(database.url(proxy)) { reconnectInterval = 10.milliseconds }.use { notifier ->
                    notifier.awaitListening()
                    proxy.refuse()
                    proxy.cut()
                    shouldThrow<PublishException> { notifier.publish("nowhere") }.channel shouldBe "nowhere"
                }
            }
        }
    })

/** Borrowed for each use; counts them, and can make them wait. */
private class CountingConnections(
    private val real: ConnectionProvider,
    override val pooled: Boolean = true,
) : ConnectionProvider {
    @Volatile
    var onOpened: () -> Unit = {}

    private val opened = AtomicInteger()

    @Volatile
    private var gate = CountDownLatch(0)

    @Volatile
    private var begun = CountDownLatch(0)

    val uses: Int get() = opened.get()

    override val prompt: Boolean get() = real.prompt

    override fun open(): Connection {
        opened.incrementAndGet()
        begun.countDown()
        check(gate.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)) { "held for ever" }
        return real.open().also { connection ->
            try {
                onOpened()
            } catch (e: Throwable) {
                connection.close()
                throw e
            }
        }
    }

    fun hold() {
        begun = CountDownLatch(1)
        gate = CountDownLatch(1)
    }

    fun awaitUse() = check(begun.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS)) { "nobody wanted a connection" }

    fun letGo() = gate.countDown()
}
