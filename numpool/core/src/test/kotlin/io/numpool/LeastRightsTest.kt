package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.numpool.testkit.Signals
import kotlinx.coroutines.coroutineScope
import java.sql.SQLException
import kotlin.time.Duration.Companion.milliseconds

/** A role with USAGE on the schema and EXECUTE on its functions can do everything but migrate. */
class LeastRightsTest :
    StageSpec({
        val role by lazy {
            Role(stage).also { it.mayUseNumpool() }
        }

        test("everything works with EXECUTE and USAGE only") {
            coroutineScope {
                val a = stage.client(role.dataSource) { migrate = false }
                val b = stage.client(role.dataSource)
                a.mode shouldBe NumpoolMode.LISTENING
                val pool = a.pool("least", 1, "metadata")
                val other = b.pool("least")
                val holder = pool.acquire(label = "mine")
                val waiter = queued(other) { other.acquire() }
                pool
                    .status()
                    .holders
                    .single()
                    .label shouldBe "mine"
                holder.release() shouldBe ResourceState.RELEASED
                waiter.value().release()
                pool.resize(3)
                pool.updateMetadata("changed")
                other.refresh()
                other.metadata<String>() shouldBe "changed"
                pool.withLock { other.withResource { it.index } } shouldBe 0
                await("withResource to give its slot back", { other.status().held() }) { it == 0 }
                a.inspect().shouldBeEmpty()
                a.pools("least") shouldBe listOf(PoolSummary("least", 3, 0, 0))
                a.deletePool("least")
                a.close()
                b.close()
                stage.count("numpool.session") shouldBe 0
            }
        }

        test("a reaper with the least rights reclaims, too") {
            val told = Signals<Long>("reclaimed")
            stage.client(role.dataSource) {
                reaperTick = 50.milliseconds
                listen(
                    object : NumpoolListener {
                        override fun reclaimed(
                            session: Long,
                            slots: Int,
                        ) = told.send(session)
                    },
                )
            }
            val dead =
                stage.database
                    .query(
                        "SELECT session_id FROM numpool.open_session(ROW('dead', 'host', 1)::numpool.process, 900, 300, true, NULL)",
                    )!!
                    .toLong()
            val number = stage.database.query("SELECT pool_number FROM numpool.create_pool('orphan', 1, NULL)")
            stage.database.query(
                "SELECT held FROM numpool.exchange($dead, 0, $number, false, '{}', '{}', '{}', ARRAY[gen_random_uuid()], '{0}', '{x}')",
            ) shouldBe "1"
            told.next("the dead session") { it == dead }
        }

        test("the tables themselves are closed to it") {
            role.dataSource.connection.use { connection ->
                shouldThrow<SQLException> { connection.createStatement().executeQuery("SELECT * FROM numpool.lease") }.sqlState shouldBe
                    "42501"
            }
        }
    })
