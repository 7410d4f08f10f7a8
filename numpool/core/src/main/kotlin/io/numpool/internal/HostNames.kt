package io.numpool.internal

import org.postgresql.ds.common.BaseDataSource
import javax.sql.DataSource

/** The host to name when a DataSource gives no connection. */
internal object HostNames {
    fun of(dataSource: DataSource): String =
        if (dataSource is BaseDataSource) {
            dataSource.serverNames
                .zip(dataSource.portNumbers.toList()) { host, port -> if (port == 0) host else "$host:$port" }
                .joinToString(",")
        } else {
            urlOf(dataSource)?.let { JdbcUrl.parse(it).host } ?: dataSource.toString()
        }

    /** Of a connection pool that tells: HikariCP and others have such a property. */
    private fun urlOf(dataSource: DataSource): String? {
        val getter = dataSource.javaClass.methods.firstOrNull { it.name in URL_GETTERS && it.parameterCount == 0 } ?: return null
        return (getter.invoke(dataSource) as? String)?.takeIf { it.startsWith("jdbc:postgresql:") }
    }

    private val URL_GETTERS = setOf("getJdbcUrl", "getUrl")
}
