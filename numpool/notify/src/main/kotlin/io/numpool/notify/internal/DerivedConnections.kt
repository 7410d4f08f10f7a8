package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import org.postgresql.ds.common.BaseDataSource
import java.util.Properties
import javax.sql.DataSource

private const val HIKARI = "com.zaxxer.hikari.HikariDataSource"
private const val URL_PREFIX = "jdbc:postgresql:"

/** Connections of our own to where [dataSource] connects, or null when that can't be told. */
internal fun derivedConnections(dataSource: DataSource): ConnectionProvider? {
    targetOf(dataSource, withCredentials = false) ?: return null

    fun target(withCredentials: Boolean) =
        checkNotNull(targetOf(dataSource, withCredentials)) { "$dataSource no longer says where it connects to" }
    return DriverConnections(place = { target(withCredentials = false) }, target = { target(withCredentials = true) })
}

// A subclass by the user may get its connections elsewhere (a token as password, say), so only known classes are read.
private fun targetOf(
    dataSource: DataSource,
    withCredentials: Boolean,
): DriverConnections.Target? =
    when {
        dataSource is BaseDataSource && dataSource.isDriversOwn() -> targetOfDriver(dataSource)
        dataSource.javaClass.name == HIKARI -> targetOfHikari(Bean(dataSource), withCredentials)
        else -> null
    }

private fun BaseDataSource.isDriversOwn() = javaClass.name.startsWith("org.postgresql.")

private fun targetOfDriver(dataSource: BaseDataSource): DriverConnections.Target? {
    val url = dataSource.getUrl() ?: return null
    return DriverConnections.Target(url, credentials(dataSource.user, dataSource.password))
}

private fun targetOfHikari(
    hikari: Bean,
    withCredentials: Boolean,
): DriverConnections.Target? {
    val inner = hikari["dataSource"] as DataSource? ?: dataSourceNamedBy(hikari)
    val initSql = hikari["connectionInitSql"] as String?
    val target =
        if (inner != null) {
            targetOf(inner, withCredentials)
        } else {
            (hikari["jdbcUrl"] as String?)
                ?.takeIf { it.startsWith(URL_PREFIX) }
                ?.let { DriverConnections.Target(it, copyOf(hikari["dataSourceProperties"] as Properties?)) }
        } ?: return null
    if (withCredentials) credentialsOf(hikari).forEach { (key, value) -> target.properties[key] = value }
    return DriverConnections.Target(target.url, target.properties, initSql)
}

/** Of its credentials provider, where this version has such a thing and the user has set one: a token that is good for minutes, say. */
private fun credentialsOf(hikari: Bean): Properties {
    val provider = if (hikari.has("credentialsProvider")) hikari["credentialsProvider"] else null
    val source = if (provider == null) hikari else Bean(checkNotNull(Bean(provider)["credentials"]) { "$provider has no credentials" })
    return credentials(source["username"] as String?, source["password"] as String?)
}

private fun dataSourceNamedBy(hikari: Bean): DataSource? {
    val className = hikari["dataSourceClassName"] as String? ?: return null
    if (!className.startsWith("org.postgresql.ds.")) return null
    val dataSource = Class.forName(className).getDeclaredConstructor().newInstance() as? BaseDataSource ?: return null
    val bean = Bean(dataSource)
    copyOf(hikari["dataSourceProperties"] as Properties?).forEach { (key, value) -> bean[key.toString()] = value.toString() }
    return dataSource as DataSource
}

private fun copyOf(properties: Properties?): Properties = Properties().also { copy -> properties?.let(copy::putAll) }

private fun credentials(
    user: String?,
    password: String?,
): Properties {
    val properties = Properties()
    user?.let { properties.setProperty("user", it) }
    password?.let { properties.setProperty("password", it) }
    return properties
}
