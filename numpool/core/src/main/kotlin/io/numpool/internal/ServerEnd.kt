package io.numpool.internal

import java.net.ConnectException
import java.sql.SQLException
import java.sql.SQLWarning

/** How a server announces its end, and how its address shows that it has ended. */
internal enum class ServerEnd {
    NOT_ANNOUNCED,

    /** One backend was told to end: by a server that stops, or by an operator, while the server goes on. */
    OF_A_BACKEND,

    /** All of them are told to: the server crashed, or stops at once. */
    OF_ALL,
    ;

    /**
     * Whether [error], met by an attempt to connect that took [nanos], shows that no backend is left. Where one backend was told to end, "not
     * now" does not: so says a server, too, that waits for its last clients to leave, and they work on.
     */
    fun isShownBy(
        error: Throwable,
        nanos: Long,
    ): Boolean {
        if (this == NOT_ANNOUNCED) return false
        val parts = parts(error)
        // a connection that nobody answers is this exception, too, but takes longer
        if (nanos < PROMPT_NANOS && parts.any { it is ConnectException }) return true
        return this == OF_ALL && parts.any { (it as? SQLException)?.sqlState == CANNOT_CONNECT_NOW }
    }

    companion object {
        private const val ADMIN_SHUTDOWN = "57P01"
        private const val CRASH_SHUTDOWN = "57P02"
        private const val CANNOT_CONNECT_NOW = "57P03"
        private const val PROMPT_NANOS = 1_000_000_000L
        private const val MOST_LEVELS = 20

        /**
         * What [error], which ended a connection to [url], says. With several hosts nothing: a refusal by one of them is told, and does not
         * show that the one has ended that announced it.
         */
        fun announcedBy(
            error: Throwable,
            url: String,
        ): ServerEnd {
            if (',' in url.substringBefore('?').substringAfter("//").substringBefore('/')) return NOT_ANNOUNCED
            val said = parts(error).filterIsInstance<SQLException>().toList()
            return when {
                said.any { it.sqlState == CRASH_SHUTDOWN || (it is SQLWarning && it.sqlState == ADMIN_SHUTDOWN) } -> OF_ALL
                said.any { it.sqlState == ADMIN_SHUTDOWN } -> OF_A_BACKEND
                else -> NOT_ANNOUNCED
            }
        }

        /** An error, what it was caused by, and what the server said before it. */
        private fun parts(error: Throwable): Sequence<Throwable> =
            generateSequence(listOf(error)) { level ->
                level
                    .flatMap { listOfNotNull(it.cause, (it as? SQLException)?.nextException) + it.suppressed }
                    .takeIf { it.isNotEmpty() }
            }.take(MOST_LEVELS).flatten()
    }
}
