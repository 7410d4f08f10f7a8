package io.numpool.fault

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.numpool.Numpool
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.WireProxy

/** Where a client's connections come from. */
internal enum class Source { POOL, PLAIN, URL }

/** A client whose calls go through one network, and whose listener through another. */
internal class Wired private constructor(
    val client: Numpool,
    val calls: WireProxy,
    val listener: WireProxy,
    private val pool: HikariDataSource?,
) : AutoCloseable {
    fun both(fault: WireProxy.() -> Unit): Unit = listOf(calls, listener).forEach(fault)

    override fun close() {
        both { resume() }
        client.close()
        pool?.close()
        both { close() }
    }

    companion object {
        suspend fun open(
            database: TestDatabase,
            name: String,
            source: Source,
            pace: Pace,
            configure: NumpoolOptions.Builder.() -> Unit,
        ): Wired {
            val calls = WireProxy.inFrontOf(database)
            val listener = WireProxy.inFrontOf(database)
            val options: NumpoolOptions.Builder.() -> Unit = {
                this.name = name
                migrate = false
                pace.set(this)
                if (source == Source.URL) listenerUrl = listener.url(database) else listenerDataSource = listener.dataSource(database)
                configure()
            }
            val pool =
                if (source ==
                    Source.POOL
                ) {
                    HikariDataSource(
                        HikariConfig().apply {
                            dataSource = calls.dataSource(database)
                            maximumPoolSize = 4 // each that is in a hole takes HikariCP five seconds to find out
                        },
                    )
                } else {
                    null
                }
            val client =
                if (source == Source.URL) {
                    Numpool.open(calls.url(database), configure = options)
                } else {
                    Numpool.open(pool ?: calls.dataSource(database), options)
                }
            if (client.mode != NumpoolMode.LISTENING) client.awaitListening()
            return Wired(client, calls, listener, pool)
        }
    }
}

internal suspend fun TestDatabase.wired(
    name: String,
    source: Source = Source.POOL,
    pace: Pace = Pace.QUICK.orDefault(),
    configure: NumpoolOptions.Builder.() -> Unit = {},
): Wired = Wired.open(this, name, source, pace, configure)

/** A client of the same pace that has nothing to do with any wire. */
internal suspend fun TestDatabase.bystander(
    pace: Pace = Pace.QUICK.orDefault(),
    name: String = "bystander",
): Numpool =
    open(name) {
        migrate = false
        pace.set(this)
    }

/** Another in each of three rounds. */
internal val Round.source: Source get() = source(0)

/** Of the client of that number. */
internal fun Round.source(client: Int): Source = Source.entries[(seed + client).mod(Source.entries.size)]
