package io.numpool

import org.postgresql.ds.PGSimpleDataSource

/** A role that may log in, and nothing else. */
class Role(
    private val stage: Stage,
    suffix: String = "",
    secret: String = "guest",
) : AutoCloseable {
    val name = "${stage.database.name()}_guest".lowercase() + suffix

    init {
        stage.database.execute("CREATE ROLE \"$name\" LOGIN PASSWORD '$secret'")
    }

    val dataSource: PGSimpleDataSource =
        stage.database.postgresDataSource().apply {
            user = name
            password = secret
        }

    /** Without characters that a URL cannot hold in [name] and password. */
    val url: String = stage.database.url().let { "$it${if ('?' in it) '&' else '?'}user=$name&password=$secret" }

    /** All that a client needs. */
    fun mayUseNumpool() =
        stage.database.execute(
            "GRANT USAGE ON SCHEMA numpool TO \"$name\"; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA numpool TO \"$name\"",
        )

    override fun close() = stage.database.execute("DROP OWNED BY \"$name\"; DROP ROLE \"$name\"")
}
