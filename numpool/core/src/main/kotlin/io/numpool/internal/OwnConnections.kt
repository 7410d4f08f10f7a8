package io.numpool.internal

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.numpool.NumpoolOptions
import io.numpool.notify.ConnectionProvider
import javax.sql.DataSource

/** A pool of connections that a client makes for itself, when it is opened with a URL; closed with it. */
internal class OwnConnections(
    target: JdbcUrl,
    options: NumpoolOptions,
) : AutoCloseable {
    private val pool =
        HikariDataSource(
            HikariConfig().apply {
                jdbcUrl = target.url
                target.user?.let { username = it }
                target.password?.let { password = it }
                poolName = "numpool"
                maximumPoolSize = options.storeConnections
                minimumIdle = 1
                connectionTimeout = (options.openTimeout.toMillis() / 2).coerceIn(250, 5_000) // it tells a refusal only then
                initializationFailTimeout = -1 // open() waits, and says what is wrong
                // a handshake that a network swallows would never end, and HikariCP makes one connection at a time
                addDataSourceProperty("loginTimeout", "$LOGIN_SECONDS")
            },
        )

    val dataSource: DataSource get() = pool

    /** For what needs a connection for long. */
    val single: ConnectionProvider = target.provider()

    override fun close() = pool.close()

    private companion object {
        const val LOGIN_SECONDS = 10
    }
}
