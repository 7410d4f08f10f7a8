package io.numpool.internal

import io.numpool.notify.ConnectionProvider
import java.io.PrintWriter
import java.sql.Connection
import java.sql.SQLFeatureNotSupportedException
import java.util.logging.Logger
import javax.sql.DataSource

/** A [ConnectionProvider] for those who want a DataSource. */
internal class ProviderDataSource(
    private val provider: ConnectionProvider,
) : DataSource {
    override fun getConnection(): Connection = provider.open()

    override fun getConnection(
        username: String?,
        password: String?,
    ): Connection = throw SQLFeatureNotSupportedException("another user")

    override fun getLogWriter(): PrintWriter? = null

    override fun setLogWriter(out: PrintWriter?) = throw SQLFeatureNotSupportedException("log writer")

    override fun setLoginTimeout(seconds: Int) = throw SQLFeatureNotSupportedException("login timeout")

    override fun getLoginTimeout(): Int = 0

    override fun getParentLogger(): Logger = Logger.getLogger("io.numpool")

    override fun <T> unwrap(type: Class<T>): T = throw SQLFeatureNotSupportedException("unwrap")

    override fun isWrapperFor(type: Class<*>?): Boolean = false
}
