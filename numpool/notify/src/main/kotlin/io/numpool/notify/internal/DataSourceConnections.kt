package io.numpool.notify.internal

import io.numpool.notify.ConnectionProvider
import java.sql.Connection
import javax.sql.DataSource

/** Connections of somebody's DataSource, as they are. */
internal class DataSourceConnections(
    private val dataSource: DataSource,
) : ConnectionProvider {
    override val prompt: Boolean get() = false

    override val pooled: Boolean get() = true

    override fun open(): Connection = dataSource.connection

    override fun toString(): String = dataSource.toString()
}
