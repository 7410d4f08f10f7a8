package io.numpool

import org.postgresql.ds.PGSimpleDataSource

/** A role that may log in, and nothing else. */
class Role(
    private val stage: Stage,
) : AutoCloseable {
    val name = "${stage.database.name()}_guest".lowercase()

    init {
        stage.database.execute("CREATE ROLE $name LOGIN PASSWORD 'guest'")
    }

    val dataSource: PGSimpleDataSource =
        stage.database.postgresDataSource().apply {
            user = name
            password = "guest"
        }

    override fun close() = stage.database.execute("DROP OWNED BY $name; DROP ROLE $name")
}
