package io.numpool.notify

import java.time.Instant

/**
 * What a [Notifier] has done since it was opened, as of one look: the numbers go on while they are read, each on its own.
 *
 * @property received notifications that arrived on the LISTEN connection, those of its own checks apart
 * @property delivered notifications that subscribers took: counted once per subscriber, and not when the channel has none
 * @property dropped notifications that a full buffer dropped or coalesced, once per subscriber
 * @property errors what was told to [NotifierObserver.onError], whether there is an observer or not, and what observers threw
 * @property reconnects times that LISTEN was committed again on a new connection
 * @property connectedAt when LISTEN was committed on the connection there is; null while there is none
 * @property lastNotificationAt when the newest notification arrived; null before the first
 * @property lastErrorAt when the newest error was told; null before the first
 * @property lastError the newest error; null before the first
 */
public class NotifierStatistics internal constructor(
    public val received: Long,
    public val delivered: Long,
    public val dropped: Long,
    public val errors: Long,
    public val reconnects: Long,
    public val connectedAt: Instant?,
    public val lastNotificationAt: Instant?,
    public val lastErrorAt: Instant?,
    public val lastError: Throwable?,
) {
    override fun toString(): String =
        "NotifierStatistics(received $received, delivered $delivered, dropped $dropped, errors $errors, reconnects $reconnects, " +
            "connected at $connectedAt, last notification at $lastNotificationAt, last error at $lastErrorAt: $lastError)"
}
