package io.numpool.chaos

import io.numpool.Numpool
import io.numpool.NumpoolException
import io.numpool.fault.dropNotices
import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.StopMode
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.WireDirection
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.future.await
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.io.IOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** What goes wrong, by a plan that a seed makes: each fault befalls a process, its network, the server, or the pools, and is over in the end. */
internal class Chaos(
    private val server: OwnPostgres,
    private val database: TestDatabase,
    private val processes: List<ChaosProcess>,
    private val operator: Numpool,
    private val random: Random,
) {
    private val serverLock = Mutex()
    private val announce = database.query("SELECT pg_get_functiondef('numpool.announce(bigint[], text[])'::regprocedure)")
    private val done = ConcurrentHashMap<String, AtomicInteger>()
    private val begun = System.nanoTime()
    val counts: Map<String, Int> get() = done.toSortedMap().mapValues { it.value.get() }

    private class Fault(
        val name: String,
        /** Answers false when it can't be now. It is called in the order of the plan; what lasts is launched. */
        val happen: suspend CoroutineScope.(Random) -> Boolean,
    )

    /** Until it is over, and all that it broke is mended. */
    suspend fun rage(
        time: Duration,
        everySecond: suspend () -> Unit,
    ) {
        val end = System.nanoTime() + time.inWholeNanoseconds
        coroutineScope {
            while (System.nanoTime() < end) {
                delay(1.seconds)
                befall(Random(random.nextLong()))
                everySecond()
            }
        }
        processes.forEach { it.wire.resume() }
    }

    /** One fault that is possible now. */
    private suspend fun CoroutineScope.befall(luck: Random) {
        for (fault in faults.shuffled(luck)) {
            if (fault.happen(this, luck)) {
                done.getOrPut(fault.name) { AtomicInteger() }.incrementAndGet()
                println("%5.1f s: ${fault.name}".format((System.nanoTime() - begun) / 1e9))
                return
            }
        }
    }

    private val faults: List<Fault> =
        listOf(
            life("killed") { process, _ ->
                process.kill()
                process.restart()
            },
            life("closed, and opened anew") { process, _ ->
                process.finish()
                process.restart()
            },
            life("frozen for a moment") { process, luck -> process.frozenFor(luck.millis(50, 900)) },
            life("frozen past its deadline") { process, luck -> process.frozenFor(luck.millis(3_000, 6_000)) },
            network("black hole") { process, luck -> process.lasting(luck.millis(100, 5_000)) { swallow() } },
            network("nothing reaches the server") { process, luck ->
                process.lasting(luck.millis(100, 5_000)) { swallow(WireDirection.TO_SERVER) }
            },
            network("nothing comes back") { process, luck ->
                process.lasting(luck.millis(100, 5_000)) { swallow(WireDirection.TO_CLIENT) }
            },
            network("slow") { process, luck ->
                process.lasting(luck.millis(500, 5_000)) {
                    delay(WireDirection.TO_SERVER, java.time.Duration.ofMillis(luck.nextLong(150)))
                    delay(WireDirection.TO_CLIENT, java.time.Duration.ofMillis(luck.nextLong(150)))
                }
            },
            network("byte by byte") { process, luck -> process.lasting(luck.millis(200, 2_000)) { trickle(WireDirection.TO_CLIENT) } },
            network("refused") { process, luck ->
                process.lasting(luck.millis(200, 3_000)) {
                    refuse()
                    cut()
                }
            },
            network("forgotten") { process, _ -> process.wire.forget() },
            network("cut") { process, _ -> process.wire.cut() },
            network("reset") { process, _ -> process.wire.reset() },
            network("cut before a call") { process, _ -> withinSeconds(process.wire.cutBefore(CALL)) },
            network("cut after a call") { process, _ -> withinSeconds(process.wire.cutAfter(CALL)) },
            network("cut in the answer to a call") { process, luck ->
                withinSeconds(process.wire.cutInAnswer(CALL, luck.nextInt(1, MESSAGES)))
            },
            network("a call that executes late") { process, luck ->
                val late = process.wire.hold(CALL)
                if (withinSeconds(late.held())) {
                    delay(luck.millis(100, 6_000))
                    withinSeconds(late.deliver())
                }
            },
            network("a renewal that executes late") { process, luck ->
                val late = process.wire.hold("renew")
                if (withinSeconds(late.held())) {
                    delay(luck.millis(100, 6_000))
                    withinSeconds(late.deliver())
                }
            },
            onServer("server stopped") { luck -> away(luck) { server.stop(StopMode.FAST) } },
            onServer("server stopped at once") { luck -> away(luck) { server.stop(StopMode.IMMEDIATE) } },
            onServer("server killed") { luck -> away(luck) { server.kill() } },
            onServer("postmaster killed") { luck -> away(luck) { server.killPostmaster() } },
            onServer("server frozen") { luck ->
                server.freeze()
                delay(luck.millis(100, 4_000))
                server.thaw()
            },
            onServer("a backend killed") { luck -> server.killBackend(backends().random(luck)) },
            onServer("connections terminated") { luck ->
                backends().filter { luck.nextBoolean() }.forEach { database.query("SELECT pg_terminate_backend($it)") }
            },
            onServer("notifications dropped") { luck ->
                database.dropNotices()
                delay(luck.millis(500, 5_000))
                database.execute(announce)
            },
            onPool("evicted") { pool, luck -> operator.pool(pool.id).let { it.evict(luck.nextInt(it.capacity)) } },
            onPool("resized") { pool, luck -> operator.pool(pool.id).resize(luck.nextInt(1, pool.capacity * 2 + 1)) },
            onPool("deleted") { pool, _ -> operator.deletePool(pool.id) },
            onPool("a session evicted") { _, luck -> operator.sessions().random(luck).let { operator.evictSession(it.who.session) } },
        ) + listOf(life("clock stepped") { process, luck -> process.setClock(luck.offset()) }).filter { Faketime.isHere }

    private fun life(
        name: String,
        happen: suspend (ChaosProcess, Random) -> Unit,
    ) = onProcess(name, ChaosProcess::life, happen)

    private fun network(
        name: String,
        happen: suspend (ChaosProcess, Random) -> Unit,
    ) = onProcess(name, ChaosProcess::network, happen)

    private fun onProcess(
        name: String,
        lock: (ChaosProcess) -> Mutex,
        happen: suspend (ChaosProcess, Random) -> Unit,
    ) = Fault(name) { luck ->
        val process = processes.random(luck)
        during(lock(process)) { happen(process, luck) }
    }

    private fun onServer(
        name: String,
        happen: suspend (Random) -> Unit,
    ) = Fault(name) { luck ->
        during(serverLock) {
            happen(luck)
            delay(RECOVERY)
        }
    }

    /** By an operator, who puts up with a database that is away and pools that are not there. */
    private fun onPool(
        name: String,
        happen: suspend (SharedPool, Random) -> Unit,
    ) = Fault(name) { luck ->
        launch {
            try {
                withTimeoutOrNull(OPERATION) { happen(SharedPool.entries.random(luck), luck) }
            } catch (e: NumpoolException) {
                println("not $name: ${e.message}")
            } catch (e: IllegalArgumentException) {
                println("not $name: ${e.message}")
            }
        }
        true
    }

    private fun CoroutineScope.during(
        lock: Mutex,
        happen: suspend () -> Unit,
    ): Boolean {
        if (!lock.tryLock()) return false
        launch(Dispatchers.IO) {
            try {
                happen()
            } finally {
                lock.unlock()
            }
        }
        return true
    }

    /** Looks at the tables, unless the server is away or just back. What reapers have not cleared up yet is not damage. */
    suspend fun inspect() {
        if (!serverLock.tryLock()) return
        try {
            val found = withTimeoutOrNull(OPERATION) { operator.inspect() }.orEmpty().filter { it.promise != "P7" }
            check(found.isEmpty()) { "damage in the tables: $found" }
        } catch (e: NumpoolException) {
            println("not inspected: ${e.message}")
        } finally {
            serverLock.unlock()
        }
    }

    private suspend fun ChaosProcess.restart() {
        start()
        awaitReady()
    }

    private suspend fun ChaosProcess.frozenFor(time: Duration) {
        freeze()
        try {
            delay(time)
        } finally {
            thaw()
        }
    }

    private suspend fun ChaosProcess.lasting(
        time: Duration,
        fault: WireProxy.() -> Unit,
    ) {
        wire.fault()
        delay(time)
        wire.resume()
    }

    private suspend fun away(
        luck: Random,
        end: () -> Unit,
    ) {
        end()
        delay(luck.millis(0, 4_000))
        server.start()
    }

    private fun backends(): List<Int> =
        database
            .query("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .split(',')
            .map { it.toInt() }

    /** Whether it came about. */
    private suspend fun withinSeconds(happened: CompletableFuture<*>): Boolean =
        try {
            withTimeoutOrNull(HAPPENING) { happened.await() }
            happened.isDone && !happened.isCancelled
        } catch (_: IOException) {
            true // the server closed the connection instead
        } finally {
            happened.cancel(false)
        }

    private fun Random.millis(
        least: Long,
        most: Long,
    ) = nextLong(least, most).milliseconds

    /** A few seconds or an hour, either way, or right again. */
    private fun Random.offset() = listOf("+0", "+%.1f", "-%.1f").random(this).format(listOf(1.0, 10.0, 3_600.0).random(this) * nextDouble())

    private companion object {
        const val CALL = "exchange"
        const val MESSAGES = 4
        val HAPPENING = 5.seconds

        /** Each life of a server counts TTLs anew: without a pause it could be long before somebody is found dead. */
        val RECOVERY = 5.seconds
        val OPERATION = 5.seconds
    }
}
