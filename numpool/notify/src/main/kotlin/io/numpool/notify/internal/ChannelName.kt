package io.numpool.notify.internal

import java.nio.CharBuffer
import java.nio.charset.CharacterCodingException

/** PostgreSQL's NAMEDATALEN - 1: LISTEN would cut a longer name off, NOTIFY refuse it. */
private const val MAX_BYTES = 63

/** [name] if it can name a channel. */
internal fun requireChannelName(name: String): String {
    val bytes = utf8Size("channel name", name)
    require(bytes in 1..MAX_BYTES) { "channel name has $bytes bytes, must be 1 to $MAX_BYTES: $name" }
    require('\u0000' !in name) { "channel name contains the character NUL" }
    return name
}

/** A text that a NOTIFY can carry, of at most [maxBytes]. */
internal fun requirePayload(
    payload: String,
    maxBytes: Int,
) {
    val bytes = utf8Size("payload", payload)
    require(bytes <= maxBytes) { "payload has $bytes bytes, must be at most $maxBytes" }
    require('\u0000' !in payload) { "payload contains the character NUL" }
}

/** The driver would send an unpaired surrogate as a question mark. */
private fun utf8Size(
    what: String,
    text: String,
): Int =
    try {
        Charsets.UTF_8
            .newEncoder()
            .encode(CharBuffer.wrap(text))
            .remaining()
    } catch (e: CharacterCodingException) {
        throw IllegalArgumentException("$what has an unpaired surrogate, which UTF-8 can't say", e)
    }

/** [name] as SQL reads it, whatever it contains. */
internal fun quoted(name: String): String = '"' + name.replace("\"", "\"\"") + '"'
