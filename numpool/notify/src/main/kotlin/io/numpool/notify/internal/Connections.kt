package io.numpool.notify.internal

import java.sql.Connection
import java.sql.SQLException

/** Closes the socket from any thread, which frees a read that is stuck; then tells a pool, if it is a pool's connection. */
internal fun Connection.abortNow() {
    try {
        abort(Runnable::run)
    } finally {
        close()
    }
}

/** Runs [sql] as it stands: no JDBC escapes are looked for. */
internal fun Connection.run(sql: String) {
    createStatement().use {
        it.setEscapeProcessing(false)
        it.execute(sql)
    }
}

/** The first column of what [sql] finds. */
@Throws(SQLException::class)
internal fun Connection.texts(sql: String): List<String> =
    createStatement().use { statement ->
        statement.executeQuery(sql).use { rows -> generateSequence { if (rows.next()) rows.getString(1) else null }.toList() }
    }

/** Back to what the listener needs, whatever a guest left behind: notifications arrive only between transactions. */
@Throws(SQLException::class)
internal fun Connection.endTransaction() {
    if (autoCommit) return
    rollback()
    autoCommit = true
}
