package io.numpool.notify.internal

import org.postgresql.core.BaseConnection
import org.postgresql.core.TransactionState
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLWarning
import java.sql.Statement

/** Closes the socket from any thread, which frees a read that is stuck; then tells a pool, if it is a pool's connection. */
internal fun Connection.abortNow() {
    try {
        abort(Runnable::run)
    } finally {
        try {
            close()
        } catch (_: SQLException) {
            // A pool may look at what it gets back, and that is closed already.
        }
    }
}

/** For one that nothing was done on: a pool may have it back. */
internal fun Connection.closeQuietly() {
    try {
        close()
    } catch (_: SQLException) {
        // Nobody waits for it any more.
    }
}

/** Runs [sql] as it stands: no JDBC escapes are looked for. */
internal fun Connection.run(sql: String) {
    createStatement().use {
        it.setEscapeProcessing(false)
        it.withLastWords { execute(sql) }
    }
}

/** The first column of what [sql] finds. */
@Throws(SQLException::class)
internal fun Connection.texts(sql: String): List<String> =
    createStatement().use { statement ->
        statement.withLastWords {
            executeQuery(sql).use { rows -> generateSequence { if (rows.next()) rows.getString(1) else null }.toList() }
        }
    }

/** A server that crashes says so as a warning, and is gone: it belongs to the error that follows. */
private inline fun <T> Statement.withLastWords(call: Statement.() -> T): T =
    try {
        call()
    } catch (e: SQLException) {
        if (!isClosed) warnings?.let(e::addSuppressed)
        throw e
    }

/** What the server said between statements. */
internal fun Connection.lastWords(): SQLWarning? =
    try {
        warnings
    } catch (_: SQLException) {
        null // closed already
    }

/** Back to what the listener needs, whatever a guest left behind: notifications arrive only between transactions. */
@Throws(SQLException::class)
internal fun Connection.endTransaction() {
    if (!autoCommit) {
        rollback()
        autoCommit = true
    }
    // begun by a statement, which JDBC knows nothing of
    if (unwrap(BaseConnection::class.java).transactionState != TransactionState.IDLE) run("ROLLBACK")
}

/** What is wrong is a text (one that the database's encoding lacks, say), not the connection. */
internal fun Throwable.isRefusal(): Boolean = this is SQLException && sqlState?.take(2) in REFUSALS

/** Data exception; syntax error or access rule violation. */
private val REFUSALS = setOf("22", "42")
