package io.numpool.notify

import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings

/** A server with TLS on, its certificate made for this run. */
object TlsServer {
    private val server: OwnPostgres by lazy { OwnPostgres.start(ServerSettings.fast().withTls()) }

    fun newDatabase(): Database = Database(server.emptyDatabase())
}
