package io.numpool.internal

import io.numpool.notify.ConnectionProvider
import java.net.URLDecoder
import java.nio.charset.StandardCharsets.UTF_8

/** Where a database is: `jdbc:postgresql:…` as it is, or `postgres://user:password@host:port/database?parameters`. */
internal class JdbcUrl private constructor(
    val url: String,
    val user: String?,
    val password: String?,
    val host: String,
) {
    fun provider(): ConnectionProvider = ConnectionProvider.of(url, user, password)

    companion object {
        private const val JDBC = "jdbc:postgresql:"

        fun parse(
            url: String,
            user: String? = null,
            password: String? = null,
        ): JdbcUrl =
            when {
                url.startsWith(JDBC) -> JdbcUrl(url, user, password, hostIn(url))

                url.startsWith("postgres://") || url.startsWith("postgresql://") -> converted(url, user, password)

                else -> throw IllegalArgumentException(
                    "url '${withoutPassword(url)}': jdbc:postgresql:… or postgres://user:password@host:port/database",
                )
            }

        private fun converted(
            url: String,
            user: String?,
            password: String?,
        ): JdbcUrl {
            val rest = url.substringAfter("://")
            val authority = rest.substringBefore('/').substringBefore('?')
            val hosts = authority.substringAfterLast('@')
            val credentials = authority.substringBeforeLast('@', "")
            val path = rest.substring(authority.length)
            val jdbc = "$JDBC//$hosts${if (path.startsWith("/")) path else "/$path"}"
            return JdbcUrl(
                jdbc,
                user ?: credentials.substringBefore(':').ifEmpty { null }?.let(::decoded),
                password ?: credentials.substringAfter(':', "").ifEmpty { null }?.let(::decoded),
                hostIn(jdbc),
            )
        }

        private fun hostIn(jdbc: String): String =
            jdbc.removePrefix(JDBC).removePrefix("//").substringBefore('/').substringBefore('?').ifEmpty {
                "localhost"
            }

        private fun decoded(text: String): String = URLDecoder.decode(text.replace("+", "%2B"), UTF_8)

        private fun withoutPassword(url: String) = url.replace(Regex("(:[^:@/]*)@"), ":…@")
    }
}
