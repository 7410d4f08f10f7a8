package io.numpool.notify

import io.numpool.notify.internal.DataSourceConnections
import io.numpool.notify.internal.DriverConnections
import io.numpool.notify.internal.derivedConnections
import org.postgresql.ds.PGSimpleDataSource
import java.sql.Connection
import java.sql.SQLException
import java.util.Properties
import javax.sql.DataSource

/** Where connections come from. Every method may block. */
public interface ConnectionProvider {
    /** Whether notifications arrive without pgjdbc's 1 ms delay on its connections, see [PromptSocketFactory]. */
    public val prompt: Boolean

    /** Whether a connection is to be borrowed for each use, because opening is cheap and keeping one deprives others. */
    public val pooled: Boolean

    /** Opens a connection that belongs to the caller until closed. */
    @Throws(SQLException::class)
    public fun open(): Connection

    /** Whether [connection] still answers; asked before an idle connection is used again. */
    public fun isValid(connection: Connection): Boolean = connection.isValid(VALIDATION_SECONDS)

    public companion object {
        private const val VALIDATION_SECONDS = 2

        /** Connections of [dataSource] as they are. */
        @JvmStatic
        public fun of(dataSource: DataSource): ConnectionProvider = DataSourceConnections(dataSource)

        /**
         * Connections to send on: those of [dataSource], or, where that opens a new one at each call (pgjdbc's PGSimpleDataSource), one of the
         * same kind that is kept.
         */
        @JvmStatic
        public fun sending(dataSource: DataSource): ConnectionProvider =
            (dataSource as? PGSimpleDataSource)?.let(::derivedConnections) ?: of(dataSource)

        /** Connections to [url], a `jdbc:postgresql:` one, with [PromptSocketFactory] unless it names another socket factory. */
        @JvmStatic
        @JvmOverloads
        public fun of(
            url: String,
            user: String? = null,
            password: String? = null,
        ): ConnectionProvider {
            val properties = Properties()
            user?.let { properties.setProperty("user", it) }
            password?.let { properties.setProperty("password", it) }
            return DriverConnections(DriverConnections.Target(url, properties))
        }

        /**
         * Connections for a listener, to the same place and as the same user as those of [dataSource] (a
         * HikariDataSource or one of pgjdbc's own), with [PromptSocketFactory], and not counted by its pool. Settings
         * are read anew at each connection. For any other DataSource, its own connections, and [prompt] is false.
         * [dataSource] itself is neither modified nor closed.
         */
        @JvmStatic
        public fun listening(dataSource: DataSource): ConnectionProvider = derivedConnections(dataSource) ?: of(dataSource)
    }
}
