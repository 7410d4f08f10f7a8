package io.numpool.notify

import java.time.Duration

/** What goes wrong in a [Notifier], apart from misuse (IllegalArgumentException). */
public sealed class NotifierException(
    message: String,
    cause: Throwable?,
) : RuntimeException(message, cause)

/** The notifier is closed, by its owner or because it gave up reconnecting; then [cause] is the last error. */
public class NotifierClosedException(
    message: String,
    cause: Throwable? = null,
) : NotifierException(message, cause)

/** Notifications do not arrive in these surroundings; see [NotifierMode.Unavailable]. */
public class ListenUnavailableException(
    message: String,
    cause: Throwable? = null,
) : NotifierException(message, cause)

/** There was no LISTEN connection to be had within [timeout]. */
public class NoListenConnectionException(
    public val timeout: Duration,
    message: String,
) : NotifierException(message, null)

/** A notification could not be sent; [cause] is the database's or the driver's error. */
public class PublishException(
    public val channel: String,
    message: String,
    cause: Throwable,
) : NotifierException(message, cause)
