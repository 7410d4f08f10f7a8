package io.numpool.property

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.kotest.common.ExperimentalKotest
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.comparables.shouldBeGreaterThan
import io.kotest.property.PropTestConfig
import io.kotest.property.ShrinkingMode
import io.kotest.property.checkAll
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlin.random.Random

/**
 * Random programs of a few clients that acquire, try, release, cancel, time out, resize, evict and break, judged by P1-P4, P6 and P7. Run one
 * again by `-Dnumpool.property.seed=...`.
 */
class PoolPropertyTest :
    FunSpec({
        val database = TestPostgres.shared().newDatabase()
        val connections =
            HikariDataSource(
                HikariConfig().apply {
                    dataSource = database.dataSource()
                    maximumPoolSize = ARENAS * 4
                    poolName = "arenas"
                },
            )
        afterSpec {
            connections.close()
            database.close()
        }

        test("P1-P4, P6, P7 hold in random programs with a fault in each") {
            val seed = System.getProperty("numpool.property.seed")?.toLong() ?: Random.nextLong()
            println("seed $seed")
            val ledger = Ledger(database)
            val arenas = List(ARENAS) { Arena("arena $it", database, ledger, connections) }
            withContext(Dispatchers.Default) {
                coroutineScope {
                    arenas.forEachIndexed { i, arena ->
                        launch {
                            checkAll(config(seed + i), Program.arb) { arena.run(it) }
                            arena.close()
                        }
                    }
                }
            }
            val seen = Arena.Seen().also { sum -> arenas.forEach { sum += it.seen } }
            println(seen)
            seen.programs shouldBeGreaterThan 199
            seen.waited shouldBeGreaterThan 0
            seen.together shouldBeGreaterThan 0
            seen.evicted shouldBeGreaterThan 0
            seen.cancelledAfterGrant shouldBeGreaterThan 0
            seen.reclaimed shouldBeGreaterThan 0
        }
    })

private const val ARENAS = 5
private const val PROGRAMS_EACH = 42

@OptIn(ExperimentalKotest::class)
private fun config(seed: Long) = PropTestConfig(seed = seed, iterations = PROGRAMS_EACH, shrinkingMode = ShrinkingMode.Bounded(30))
