package io.numpool

import java.time.Duration

/** Everything that numpool throws, but for misuse ([IllegalArgumentException], [IllegalStateException]) and cancellation. */
public sealed class NumpoolException(
    message: String,
    cause: Throwable? = null,
) : RuntimeException(message, cause)

/** The database could not be reached in time: by `open` within its timeout, or by a call whose time was up while it was away. */
public class StoreUnavailableException internal constructor(
    message: String,
    /** Host and port, as far as the URL tells them. */
    public val host: String,
    cause: Throwable?,
) : NumpoolException(message, cause)

/** The database refuses: a wrong password, no right to connect, to use the schema or to create it. The message names what is missing. */
public class StoreAccessDeniedException internal constructor(
    message: String,
    cause: Throwable?,
) : NumpoolException(message, cause)

/** The schema is not there. The message names the three ways to get it. */
public class SchemaMissingException internal constructor(
    message: String,
    /** The schema that was looked for. */
    public val schema: String,
    cause: Throwable?,
) : NumpoolException(message, cause)

/** The schema was migrated by a newer version of numpool than this one. */
public class SchemaTooNewException internal constructor(
    message: String,
    /** The schema. */
    public val schema: String,
    /** The version found in it. */
    public val installed: Int,
    /** The newest version that this library knows. */
    public val supported: Int,
) : NumpoolException(message)

/** No slot was free in time. The caller has left the queue. */
public class AcquireTimeoutException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** How long the caller waited. */
    public val waited: Duration,
    /** Capacity of the pool, as last heard. */
    public val capacity: Int,
    /** Slots held, as last heard. */
    public val held: Int,
    /** Places in the queue, as last heard. */
    public val waiting: Int,
    /** The caller's own place in the queue, 1 is first, at most a poll interval old; 0 when it had none. */
    public val place: Int,
) : NumpoolException(
        "no slot of pool '$pool' within ${waited.toMillis()} ms: $held of $capacity held, $waiting waiting" +
            if (place > 0) ", this caller at place $place" else "",
    )

/** The slot is no longer this process's: another may hold it by now. */
public class ResourceLostException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** The slot. */
    public val index: Int,
    /** Its fencing token. */
    public val token: Long,
    /** Why it was lost. */
    public val reason: String,
) : NumpoolException("slot $index of pool '$pool' (token $token) was lost: $reason")

/** There is no such pool. */
public class PoolNotFoundException internal constructor(
    /** The id that was asked for. */
    public val pool: String,
) : NumpoolException("there is no pool '$pool'")

/** The pool exists with another capacity than the one asked for. */
public class PoolConflictException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** The capacity asked for. */
    public val requested: Int,
    /** The capacity it has. */
    public val actual: Int,
) : NumpoolException("pool '$pool' has capacity $actual, not $requested")

/** The pool is deleted; while slots of it are still held, its name is not free either. */
public class PoolDeletedException internal constructor(
    /** Id of the pool. */
    public val pool: String,
) : NumpoolException("pool '$pool' is deleted")

/** More slots at once than the pool has: when they were asked for, or since it was made smaller. */
public class CapacityExceededException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** The slots asked for. */
    public val slots: Int,
    /** Number of slots of the pool. */
    public val capacity: Int,
) : NumpoolException("$slots slots of pool '$pool': it has $capacity")

/** There is no such session, or it is dead. */
public class SessionNotFoundException internal constructor(
    /** The session asked for. */
    public val session: Long,
) : NumpoolException("there is no session $session")

/** [Resource.fence]: somebody who got the slot later has fenced work with it. */
public class StaleTokenException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** The slot. */
    public val index: Int,
    /** The fencing token that is outdated. */
    public val token: Long,
    /** The highest token seen for that slot. */
    public val newest: Long,
    cause: Throwable,
) : NumpoolException("slot $index of pool '$pool' is another's: token $token is outdated, $newest was seen", cause)

/** Somebody else changed the metadata of the pool since this client last read them. */
public class MetadataConflictException internal constructor(
    /** Id of the pool. */
    public val pool: String,
    /** The metadata it has now, as JSON; null when it has none. */
    public val current: String?,
) : NumpoolException("the metadata of pool '$pool' were changed by another: they are $current")

/** The client, or the pool that was asked, is closed. */
public class NumpoolClosedException internal constructor(
    what: String,
) : NumpoolException("$what is closed")
