package io.numpool.internal

import io.numpool.Numpool
import io.numpool.NumpoolOptions
import io.numpool.SchemaTooNewException
import io.numpool.db.Line
import io.numpool.db.MigrationException
import io.numpool.db.Migrations
import io.numpool.db.SchemaState
import io.numpool.internal.store.PoolStore
import io.numpool.internal.store.SchemaRemoval
import io.numpool.internal.store.StoreException
import io.numpool.notify.ConnectionProvider
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withContext
import java.sql.Connection
import java.sql.SQLException
import javax.sql.DataSource
import kotlin.time.TimeSource
import kotlin.time.toKotlinDuration

/** How a client comes to be: where its connections come from, whether the schema is there, the first session, the listener. */
internal class Opening private constructor(
    private val dataSource: DataSource,
    private val own: OwnConnections?,
    host: String,
    private val options: NumpoolOptions,
) {
    constructor(dataSource: DataSource, options: NumpoolOptions) : this(dataSource, null, HostNames.of(dataSource), options)

    private constructor(target: JdbcUrl, own: OwnConnections, options: NumpoolOptions) : this(own.dataSource, own, target.host, options)

    constructor(target: JdbcUrl, options: NumpoolOptions) : this(target, ownConnections(target, options), options)

    private val errors = StoreErrors(options.schema, host)
    private val bridge = JdbcBridge(dataSource, options.storeConnections, CALL_MILLIS, CONNECT_MILLIS)
    private val migrations = Migrations.of(Line.POOL)

    suspend fun open(): Numpool {
        val engine = Engine(options, bridge, PoolStore(options.schema), errors)
        try {
            engine.watch()
            var deadline = deadline()
            val state = notDenied(engine) { engine.persistently("open", -deadline.elapsedNow()) { state(it) } }
            if (state == SchemaState.MISSING || state == SchemaState.OLDER) {
                if (options.migrate == false || !Migrations.flywayPresent()) throw errors.missing()
                engine.offload("migration") { migrate() }
                deadline = deadline() // the database answers, however long that took
            }
            engine.persistently("open", -deadline.elapsedNow()) { engine.sessions.open(it, null) }
            engine.start()
            if (options.startListening) listen(engine)
        } catch (e: Exception) {
            withContext(NonCancellable) {
                try {
                    engine.close(emptyList())
                } finally {
                    closeOwn()
                }
            }
            throw e
        }
        return Client(engine, this)
    }

    private fun deadline() = TimeSource.Monotonic.markNow() + options.openTimeout.toKotlinDuration()

    /**
     * A pool of connections keeps a refusal to itself for a while, HikariCP until its `connectionTimeout` is over: so the server is asked
     * without it, too. Where the connections are somebody else's, only half way, when something seems to be wrong.
     */
    private suspend fun <T> notDenied(
        engine: Engine,
        ask: suspend () -> T,
    ): T =
        coroutineScope {
            val asked = async { ask() }
            val refusal =
                engine.scope.async {
                    if (own == null) delay(options.openTimeout.toMillis() / 2)
                    withContext(Dispatchers.IO) { refusal() }
                }
            try {
                val refused =
                    select {
                        asked.onJoin { null }
                        refusal.onAwait { it }
                    }
                if (refused != null) {
                    asked.cancel()
                    throw errors.translated("open", refused)
                }
                asked.await()
            } finally {
                refusal.cancel()
            }
        }

    /** Null when it lets us in, or is not to be reached. */
    private fun refusal(): StoreException? =
        try {
            likeTheOthers().open().close()
            null
        } catch (e: SQLException) {
            StoreException.of(e).takeIf { it.kind() == StoreException.Kind.DENIED }
        } catch (_: RuntimeException) {
            null // somebody's DataSource, which open() has asked, too, and tells of
        }

    suspend fun listen(engine: Engine) {
        if (options.pollOnly || engine.listener != null) return
        engine.listen { GrantListener(engine, listenerConnections(), ConnectionProvider.of(dataSource)) }
    }

    private fun listenerConnections(): ConnectionProvider {
        options.listenerUrl?.let { return JdbcUrl.parse(it).provider() }
        return options.listenerDataSource?.let(ConnectionProvider::listening) ?: likeTheOthers()
    }

    private fun likeTheOthers() = own?.single ?: ConnectionProvider.listening(dataSource)

    private fun state(connection: Connection): SchemaState =
        migrating {
            migrations.state(connection, options.schema).also { if (it == SchemaState.NEWER) throw tooNew(connection) }
        }

    /** On connections of its own where that is possible: it needs several at a time. */
    private fun migrate() = migrating { migrations.migrate(ProviderDataSource(likeTheOthers()), options.schema) }

    private fun tooNew(connection: Connection): SchemaTooNewException {
        val installed = migrations.installedVersion(connection, options.schema).orElse(0)
        val supported = migrations.latestVersion()
        return SchemaTooNewException(
            "schema '${options.schema}' has version $installed, and this numpool knows none newer than $supported: use a newer one",
            options.schema,
            installed,
            supported,
        )
    }

    private fun <T> migrating(step: () -> T): T =
        try {
            step()
        } catch (e: MigrationException) {
            throw StoreException.of(generateSequence<Throwable>(e) { it.cause }.firstNotNullOfOrNull { it as? SQLException } ?: throw e)
        }

    suspend fun dropSchema(shutdown: suspend () -> Unit) {
        val removal = SchemaRemoval(options.schema)
        val foreign = bridge.run(removal::foreignObjects)
        check(foreign.isEmpty()) { "schema '${options.schema}' holds what is not numpool's, and is not dropped: ${foreign.joinToString()}" }
        shutdown()
        bridge.offload { likeTheOthers().open().use(removal::drop) } // our own pool is closed by now
    }

    fun closeOwn() {
        own?.close()
    }

    private companion object {
        /** Longer than the database lets a call wait for a lock. */
        const val CALL_MILLIS = 10_000L

        /** Longer than a pool of connections waits for one of its own (HikariCP: 30 s), so that its reason is told. */
        const val CONNECT_MILLIS = 35_000L

        fun ownConnections(
            target: JdbcUrl,
            options: NumpoolOptions,
        ): OwnConnections =
            try {
                OwnConnections(target, options)
            } catch (e: NoClassDefFoundError) {
                throw IllegalStateException("open by URL needs com.zaxxer:HikariCP on the class path; or give it a DataSource", e)
            }
    }
}
