package io.numpool.notify

import java.time.Instant

/** What a subscriber of a channel is told, in order: a [Notification], or a [Gap] in them. */
public sealed interface NotifierEvent {
    /** The channel it belongs to. */
    public val channel: String
}

/**
 * A NOTIFY that arrived.
 *
 * @property payload the text sent with it, empty when none was
 * @property senderPid the process id of the server session that sent it
 * @property receivedAt when this process read it, by this machine's clock
 */
public class Notification(
    override val channel: String,
    public val payload: String,
    public val senderPid: Int,
    public val receivedAt: Instant,
) : NotifierEvent {
    override fun toString(): String = "Notification($channel, $payload, pid $senderPid, $receivedAt)"
}

/**
 * Notifications may be missing here: reload what they stand for, then go on.
 *
 * After a disconnect it arrives once LISTEN has been committed again and before any later notification, so whatever
 * is loaded on seeing it misses nothing.
 *
 * @property lostAt the last moment known to be good: nothing sent before it is missing
 * @property restoredAt from here on nothing is missing
 * @property reason what happened, in words
 */
public class Gap(
    override val channel: String,
    public val lostAt: Instant,
    public val restoredAt: Instant,
    public val reason: String,
) : NotifierEvent {
    override fun toString(): String = "Gap($channel, $lostAt to $restoredAt, $reason)"
}
