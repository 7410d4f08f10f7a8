package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import io.numpool.notify.PromptSocketFactory
import org.postgresql.Driver
import org.postgresql.PGProperty
import java.sql.Connection
import java.sql.SQLException
import java.util.Properties

/**
 * Connections made by pgjdbc's driver itself; [target] is asked anew each time, so that changed passwords are seen. [place] is the same
 * without credentials, for which somebody else's code may have to be asked.
 */
internal class DriverConnections(
    private val place: () -> Target,
    private val target: () -> Target,
) : ConnectionProvider {
    constructor(target: Target) : this({ target }, { target })

    /** Where to connect: the URL's parameters win over [properties], as in pgjdbc; [initSql] runs on each new connection. */
    class Target(
        val url: String,
        val properties: Properties,
        val initSql: String? = null,
    )

    override val prompt: Boolean
        get() = PROMPT == place().let { PGProperty.SOCKET_FACTORY.getOrDefault(parsed(it.url, promptly(it.properties))) }

    override val pooled: Boolean get() = false

    override fun open(): Connection {
        val target = target()
        val connection =
            driver.connect(target.url, promptly(target.properties))
                ?: throw SQLException("Not a PostgreSQL URL: ${target.url.substringBefore('?')}")
        try {
            target.initSql?.let { sql -> connection.createStatement().use { it.execute(sql) } }
        } catch (e: SQLException) {
            connection.abortNow()
            throw e
        }
        return connection
    }

    private fun promptly(properties: Properties): Properties {
        val copy = Properties()
        properties.stringPropertyNames().forEach { copy.setProperty(it, properties.getProperty(it)) }
        if (factoryVisibleToDriver) copy.putIfAbsent(PGProperty.SOCKET_FACTORY.getName(), PROMPT)
        // Bounds the answers awaited while connecting; whoever listens on the connection sets its own deadlines then.
        copy.putIfAbsent(PGProperty.SOCKET_TIMEOUT.getName(), STARTUP_SECONDS)
        copy.putIfAbsent(PGProperty.CONNECT_TIMEOUT.getName(), STARTUP_SECONDS)
        copy.putIfAbsent(PGProperty.TCP_KEEP_ALIVE.getName(), "true")
        return copy
    }

    private fun parsed(
        url: String,
        properties: Properties,
    ): Properties = Driver.parseURL(url, properties) ?: properties

    private companion object {
        const val STARTUP_SECONDS = "10"
        val PROMPT: String = PromptSocketFactory::class.java.name
        val driver = Driver()

        /** pgjdbc loads the factory with its own class loader, which in a container may not see this library. */
        val factoryVisibleToDriver: Boolean =
            try {
                Class.forName(PROMPT, false, Driver::class.java.classLoader) == PromptSocketFactory::class.java
            } catch (_: ClassNotFoundException) {
                false
            }
    }
}
