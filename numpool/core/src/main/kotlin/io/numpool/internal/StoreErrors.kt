package io.numpool.internal

import io.numpool.AcquireTimeoutException
import io.numpool.NumpoolException
import io.numpool.SchemaMissingException
import io.numpool.StoreAccessDeniedException
import io.numpool.StoreUnavailableException
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import org.postgresql.util.PSQLException
import java.sql.SQLException
import kotlin.time.Duration
import kotlin.time.toJavaDuration

/** What the database's errors are called in the public API. */
internal class StoreErrors(
    private val schema: String,
    private val host: String,
) {
    fun unavailable(
        what: String,
        cause: StoreException,
    ) = StoreUnavailableException("$what: the database at $host is not to be reached: ${said(cause)}", host, cause.cause)

    fun unanswered(
        what: String,
        within: Duration,
    ) = StoreUnavailableException("$what: the database at $host did not answer within the openTimeout, $within", host, null)

    fun translated(
        what: String,
        cause: StoreException,
    ): NumpoolException =
        when (cause.kind()) {
            Kind.DENIED -> {
                StoreAccessDeniedException(
                    "$what: the database at $host refuses: ${said(cause)}${hint(cause)}",
                    cause.cause,
                )
            }

            Kind.NO_SCHEMA -> {
                missing(cause.cause)
            }

            Kind.REFUSED -> {
                StoreUnavailableException("$what: the database at $host fails: ${said(cause)}", host, cause.cause)
            }

            else -> {
                unavailable(what, cause)
            }
        }

    /** Like [translated]; what the database finds wrong with an argument is the caller's. */
    fun refused(
        what: String,
        cause: StoreException,
    ): RuntimeException =
        if (cause.kind() == Kind.INVALID) {
            IllegalArgumentException("$what: ${(cause.cause as? PSQLException)?.serverErrorMessage?.message ?: said(cause)}", cause.cause)
        } else {
            translated(what, cause)
        }

    fun missing(cause: Throwable? = null) =
        SchemaMissingException(
            "schema '$schema' is not there, or not numpool's. One of three ways makes it: " +
                "put Flyway (org.flywaydb:flyway-database-postgresql) on the class path and open with migrate on; " +
                "run `numpool migrate`; apply the SQL of numpool-db (db/pool) in that schema" +
                cause?.message?.let { " (the database says: $it)" }.orEmpty(),
            schema,
            cause,
        )

    /** What the server or the driver said; a pool of connections says only that it has none. */
    private fun said(failure: StoreException) =
        generateSequence(failure.cause) { it.cause }.filterIsInstance<SQLException>().lastOrNull()?.message ?: failure.cause?.message

    private fun hint(cause: StoreException): String {
        val sql = cause.cause as? SQLException
        return if (sql?.sqlState == "42501") {
            ". A client needs: GRANT USAGE ON SCHEMA \"$schema\" and GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \"$schema\"; " +
                "to migrate it also needs GRANT CREATE ON DATABASE"
        } else {
            ""
        }
    }
}

internal fun timeoutException(
    pool: String,
    waited: Duration,
    capacity: Int,
    held: Int,
    waiting: Int,
    place: Int,
) = AcquireTimeoutException(pool, waited.toJavaDuration(), capacity, held, waiting, place)
