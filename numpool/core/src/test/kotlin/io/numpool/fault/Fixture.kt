package io.numpool.fault

import io.numpool.Numpool
import io.numpool.NumpoolMode
import io.numpool.NumpoolOptions
import io.numpool.Resource
import io.numpool.ResourcePool
import io.numpool.testkit.Await
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import java.time.Duration
import javax.sql.DataSource
import kotlin.time.Duration.Companion.minutes
import kotlin.time.toKotlinDuration

/** Generous: it is reached only by a test that fails. */
internal val PATIENCE = Await.BOUND.toKotlinDuration()

/** So seldom that no test lives to see it: what goes on does so without. */
internal val NEVER = 60.minutes

internal suspend fun awaited(
    what: String,
    condition: () -> Boolean,
) = withContext(Dispatchers.IO) { Await.until(what, Duration.ofSeconds(PATIENCE.inWholeSeconds), condition) }

/** A client that listens, on connections of its own where none are given. */
internal suspend fun TestDatabase.open(
    name: String,
    from: DataSource? = null,
    configure: NumpoolOptions.Builder.() -> Unit = {},
): Numpool {
    val settings: NumpoolOptions.Builder.() -> Unit = {
        this.name = name
        openTimeout = PATIENCE
        configure()
    }
    val client = if (from == null) Numpool.open(urlWithPassword(), configure = settings) else Numpool.open(from, settings)
    if (!client.isPollOnly()) client.awaitListening()
    return client
}

private fun Numpool.isPollOnly() = mode == NumpoolMode.POLL_ONLY && modeReason == null

internal suspend fun Numpool.awaitListening() = awaited("$name listens") { mode == NumpoolMode.LISTENING }

/** Asks for a slot and goes on when the place in the queue is taken. */
internal suspend fun CoroutineScope.queued(
    pool: ResourcePool,
    acquire: suspend (ResourcePool) -> Resource = { it.acquire() },
): Deferred<Resource> {
    val before = pool.status().waiting()
    val asked = async(Dispatchers.Default) { acquire(pool) }
    withTimeout(PATIENCE) { while (pool.status().waiting() <= before && !asked.isCompleted) delay(POLL_MILLIS) }
    return asked
}

internal suspend fun <T> Deferred<T>.soon(): T = withTimeout(PATIENCE) { await() }

/** Of the listener connection of that client. */
internal fun TestDatabase.listenerPids(name: String): List<Int> =
    Sql(this).use { sql ->
        sql.rows("SELECT pid FROM pg_stat_activity WHERE application_name = ? AND datname = current_database()", "numpool-notify $name") {
            it.getInt(1)
        }
    }

internal fun TestDatabase.terminate(pids: List<Int>) =
    Sql(this).use { sql ->
        pids.forEach {
            sql.call("SELECT pg_terminate_backend(?)", it)
        }
    }

internal fun TestDatabase.terminateAll() =
    execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

/** No notification is sent in this database any more. */
internal fun TestDatabase.dropNotices() =
    execute("CREATE OR REPLACE FUNCTION numpool.announce(sessions bigint[], payloads text[]) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'")

internal fun TestDatabase.attachNumber(session: Long): Long =
    query("SELECT attach_number FROM numpool.session WHERE id = $session").toLong()

internal fun TestDatabase.isFree(pool: String): Boolean =
    query(
        "SELECT NOT EXISTS (SELECT 1 FROM numpool.holding WHERE pool = '$pool') " +
            "AND NOT EXISTS (SELECT 1 FROM numpool.waiting WHERE pool = '$pool')",
    ) == "t"

private const val POLL_MILLIS = 5L
