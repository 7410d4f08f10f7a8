package io.numpool.notify

import io.numpool.testkit.TestDatabase
import io.numpool.testkit.TestPostgres
import io.numpool.testkit.WireProxy
import org.postgresql.ds.PGSimpleDataSource
import java.net.URI
import java.sql.Connection
import java.sql.ResultSet

/** A database of one's own, and questions to ask it. */
class Database(
    private val database: TestDatabase = TestPostgres.shared().emptyDatabase(),
) : AutoCloseable {
    val name: String = database.name()
    val user: String = database.user()
    val password: String = database.password()

    /** With user and password. */
    val url: String = database.urlWithPassword()
    val urlWithoutUser: String = database.url()
    val host: String = address().host
    val port: Int = address().port
    val dataSource: PGSimpleDataSource = database.postgresDataSource()

    /** The same database, through this proxy. */
    fun url(proxy: WireProxy): String = proxy.url(database)

    fun proxy(): WireProxy = WireProxy.inFrontOf(database)

    fun connect(): Connection = database.connect()

    fun <T> query(
        sql: String,
        read: (ResultSet) -> T,
    ): List<T> = connect().use { it.rows(sql, read) }

    /** Process ids of the sessions of the notifier of that name that listen. */
    fun listeners(notifier: String): List<Int> = query("SELECT pid FROM pg_stat_activity WHERE ${isListener(notifier)}") { it.getInt(1) }

    /** The newest: one that was told to end before may still be seen. Answers how many were told. */
    fun terminateListener(notifier: String): Int =
        query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isListener(notifier)} ORDER BY backend_start DESC LIMIT 1",
        ) { it.getBoolean(1) }.count { it }

    /** How many sessions there are apart from the one that counts. */
    fun sessions(): Int =
        query("SELECT count(*) FROM pg_stat_activity WHERE datname = '$name' AND pid <> pg_backend_pid()") { it.getInt(1) }.single()

    override fun close(): Unit = database.close()

    private fun isListener(notifier: String) = "datname = '$name' AND application_name = 'numpool-notify $notifier'"

    private fun address() = URI(database.url().removePrefix("jdbc:"))
}

fun <T> Connection.rows(
    sql: String,
    read: (ResultSet) -> T,
): List<T> =
    createStatement().use { statement ->
        statement.executeQuery(sql).use { rows -> generateSequence { if (rows.next()) read(rows) else null }.toList() }
    }

/** A database whose encoding has no letters beyond those of western Europe. */
class Latin : AutoCloseable {
    private val home = Database()
    private val name = home.name + "_latin"
    val url: String = home.url.replace("/${home.name}", "/$name")

    init {
        run("CREATE DATABASE $name TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    }

    override fun close() {
        run("DROP DATABASE $name WITH (FORCE)")
        home.close()
    }

    private fun run(sql: String) = home.connect().use { connection -> connection.createStatement().use { it.execute(sql) } }
}
