package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.types.shouldBeInstanceOf
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class CloseTest :
    StageSpec({
        test("waiters fail, and the client says that it is closed") {
            coroutineScope {
                val client = stage.client { name = "shut" }
                val pool = client.pool("waiters", 1)
                pool.acquire()
                val waiters = List(3) { queued(pool) { pool.acquire() } }
                client.close()
                waiters.forEach { it.failure().shouldBeInstanceOf<NumpoolClosedException>().message shouldContain "'shut' is closed" }
                client.mode shouldBe NumpoolMode.CLOSED
            }
        }

        test("every use of a closed client says so") {
            val client = stage.client()
            val pool = client.pool("used", 1)
            client.close()
            for (use in listOf<suspend () -> Any?>(
                { client.pool("used") },
                { client.pool("used", 1) },
                { client.pools("") },
                { client.deletePool("used") },
                { client.listen() },
                { client.cleanup() },
                { pool.acquire() },
                { pool.tryAcquire() },
                { pool.withResource { } },
                { pool.withLock { } },
                { pool.status() },
                { pool.queue() },
                { pool.resize(2) },
                { pool.updateMetadata(1) },
                { pool.refresh() },
                { pool.statuses().collect { } },
            )) {
                shouldThrow<NumpoolClosedException> { use() }.message shouldContain "'${client.name}' is closed"
            }
        }

        test("a pool that is closed between a grant and its block: the block does not run, and the slot is given back") {
            lateinit var pool: ResourcePool
            val closes =
                object : NumpoolListener {
                    override fun acquired(
                        pool: String,
                        index: Int,
                        token: Long,
                        waited: java.time.Duration,
                    ) = end()

                    fun end() = pool.close()
                }
            pool = stage.client { listen(closes) }.pool("just granted", 1)
            var ran = false
            shouldThrow<NumpoolClosedException> { pool.withResource { ran = true } }
            ran shouldBe false
            stage.client().pool("just granted").awaitIdle()
        }

        test("a client that only polls is closed, too, and says so") {
            val client = stage.client { pollOnly = true }
            client.close()
            client.mode shouldBe NumpoolMode.CLOSED
        }

        test("what is held goes to the next in line at once, and says so") {
            coroutineScope {
                val a = stage.client()
                val b = stage.client { pollInterval = 1.hours }.pool("handed", 2)
                val held = List(2) { a.pool("handed", 2).acquire() }
                val waiters = List(2) { queued(b) { b.acquire() } }
                a.close()
                waiters.map { it.value().index }.sorted() shouldBe listOf(0, 1)
                held.forEach {
                    it.isHeld shouldBe false
                    it.release() shouldBe ResourceState.RELEASED
                }
            }
        }

        test("a block that runs is cancelled, and its slot goes on when it has ended") {
            coroutineScope {
                val a = stage.client()
                val b = stage.client().pool("blocks", 1)
                val runs = CompletableDeferred<Unit>()
                val order = ConcurrentLinkedQueue<String>()
                val block =
                    asking {
                        a.pool("blocks", 1).withResource {
                            runs.complete(Unit)
                            try {
                                awaitCancellation()
                            } finally {
                                // time enough for a release to overtake the block, if one were sent
                                withContext(NonCancellable) { repeat(20) { b.status() } }
                                order += "block ended"
                            }
                        }
                    }
                runs.await()
                val next =
                    queued(b) {
                        b.acquire().also { order += "slot granted on" }
                    }
                a.shutdown()
                block.failure().shouldBeInstanceOf<NumpoolClosedException>()
                next.await().getOrThrow().close()
                order.toList() shouldBe listOf("block ended", "slot granted on")
            }
        }

        test("closing twice is fine, also at the same time") {
            coroutineScope {
                val client = stage.client()
                client.pool("twice", 1).acquire()
                List(5) { launch(Dispatchers.IO) { client.close() } }.forEach { it.join() }
                client.shutdown()
                client.close()
            }
        }

        test("no row, no connection and no thread is left") {
            val before = threads()
            val url = "${stage.database.urlWithPassword()}&ApplicationName=leaves-nothing"
            repeat(5) {
                val client = Numpool.open(url) { name = "leaver" }
                client.pool("left", 2).acquire()
                client.close()
                stage.count("numpool.session WHERE id = ${client.session} OR (who).application = 'leaver'") shouldBe 0
            }
            stage.count("numpool.session_beat b LEFT JOIN numpool.session s ON s.id = b.session WHERE s.id IS NULL") shouldBe 0
            stage.count("numpool.lease l JOIN numpool.pool p ON p.number = l.pool WHERE p.id = 'left'") shouldBe 0
            await("no connection", { stage.count("pg_stat_activity WHERE application_name = 'leaves-nothing'") }) { it == 0 }
            await("no thread more", { threads() - before }) { it.isEmpty() }
        }

        test("no session is opened behind a closed client's back") {
            repeat(10) {
                val client = stage.client { name = "ghost" }
                val pool = client.pool("ghost", 1)
                pool.acquire()
                coroutineScope {
                    val traffic = launch(Dispatchers.Default) { runCatching { while (true) pool.acquire(timeout = 10.milliseconds) } }
                    client.close()
                    traffic.cancel()
                }
            }
            await("every session row to be gone", { stage.count("numpool.session WHERE (who).application = 'ghost'") }) { it == 0 }
        }

        test("close is bounded, also while the DataSource gives no connection") {
            val dataSource = stage.hikari { connectionTimeout = 30_000 }
            val client = stage.client(dataSource) { closeTimeout = 500.milliseconds }
            val held = client.pool("stuck", 1).acquire()
            val taken = List(4) { dataSource.connection }
            measureTime { client.close() } shouldBeLessThan 15.seconds
            held.isHeld shouldBe false
            held.release() shouldBe ResourceState.LOST
            taken.forEach { it.close() }
        }

        test("close is bounded, also while a block does not end") {
            coroutineScope {
                val client = stage.client { closeTimeout = 500.milliseconds }
                val runs = CompletableDeferred<Unit>()
                val end = CompletableDeferred<Unit>()
                val block =
                    asking {
                        client.pool("endless", 1).withResource {
                            runs.complete(Unit)
                            withContext(NonCancellable) { end.await() }
                        }
                    }
                runs.await()
                val closing = async(Dispatchers.IO) { client.close() }
                withTimeoutOrNull(PATIENCE) { closing.await() } shouldBe Unit
                block.isCompleted shouldBe false
                end.complete(Unit)
                block.failure().shouldBeInstanceOf<NumpoolClosedException>()
            }
        }

        test("the DataSource stays open and usable") {
            val dataSource = stage.hikari()
            val client = stage.client(dataSource)
            client.pool("data source", 1).acquire()
            client.close()
            await("all connections back", { dataSource.hikariPoolMXBean.activeConnections }) { it == 0 }
            dataSource.connection.use { it.isValid(5) shouldBe true }
        }
    })

/** The view of a pool is closed; the pool, the client and other views are not. */
class ClosePoolTest :
    StageSpec({
        test("its waiters fail, and what it acquired is given back") {
            coroutineScope {
                val client = stage.client()
                val other = client.pool("view", 2)
                val pool = client.pool("view")
                val mine = pool.acquire()
                val others = other.acquire()
                val waiter = queued(pool) { pool.acquire() }
                val next = queued(other) { other.acquire() }
                pool.close()
                waiter.failure().shouldBeInstanceOf<NumpoolClosedException>().message shouldContain "pool 'view' is closed"
                next.value().index shouldBe mine.index
                mine.release() shouldBe ResourceState.RELEASED
                others.isHeld shouldBe true
            }
        }

        test("a block that runs is cancelled, and its slot goes on when it has ended") {
            coroutineScope {
                val client = stage.client()
                val other = client.pool("view of a block", 1)
                val pool = client.pool("view of a block")
                val runs = CompletableDeferred<Unit>()
                val heldAtItsEnd = CompletableDeferred<Int>()
                val block =
                    asking {
                        pool.withResource {
                            runs.complete(Unit)
                            try {
                                awaitCancellation()
                            } finally {
                                // time enough for a release to overtake the block, if one were sent
                                withContext(NonCancellable) { heldAtItsEnd.complete(List(20) { other.status().held() }.last()) }
                            }
                        }
                    }
                runs.await()
                pool.close()
                block.failure().shouldBeInstanceOf<NumpoolClosedException>().message shouldContain "pool 'view of a block' is closed"
                heldAtItsEnd.await() shouldBe 1
                other.awaitIdle()
            }
        }

        test("closing it twice is fine, and using it says that it is closed") {
            val client = stage.client()
            val pool = client.pool("closed view", 1)
            pool.close()
            pool.close()
            for (use in listOf<suspend () -> Any?>(
                { pool.acquire() },
                { pool.tryAcquire() },
                { pool.withLock { } },
                { pool.status() },
                { pool.resize(2) },
                { pool.updateMetadata(1) },
                { pool.refresh() },
            )) {
                shouldThrow<NumpoolClosedException> { use() }.message shouldContain "pool 'closed view'"
            }
            client.pool("closed view").withResource { it.index } shouldBe 0
        }

        test("an acquire that races the close leaks nothing") {
            coroutineScope {
                val client = stage.client()
                repeat(50) {
                    val pool = client.pool("raced", 1)
                    val call = asking { pool.acquire() }
                    launch(Dispatchers.Default) { pool.close() }
                    call.await()
                }
                client.pool("raced").awaitIdle()
            }
        }
    })

private fun threads(): Set<String> =
    Thread
        .getAllStackTraces()
        .keys
        .map { it.name }
        .filter { name -> OURS.any { it in name } }
        .toSet()

private val OURS = listOf("leaver", "numpool:")
