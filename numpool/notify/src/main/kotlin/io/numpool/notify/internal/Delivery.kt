package io.numpool.notify.internal

import io.numpool.notify.Notification
import java.time.Instant

/**
 * From the listener into the mailboxes, in order. A full mailbox that wants the notifier to wait holds up all that
 * comes after. Outlives connections. Touched by the listener's thread alone.
 */
internal class Delivery(
    private val subscriptions: Subscriptions,
) {
    private class Parcel(
        val to: ArrayDeque<Mailbox>,
        val put: (Mailbox, force: Boolean) -> Boolean,
    )

    private val waiting = ArrayDeque<Parcel>()

    /** For those who were told that LISTEN is committed, or are about to be; nothing sent before [proven] was missing when it arrived. */
    fun notification(
        notification: Notification,
        proven: Instant,
    ) {
        val to = subscriptions.on(notification.channel).filterTo(ArrayDeque()) { it.confirmedOn != null }
        if (to.isNotEmpty()) waiting.addLast(Parcel(to) { mailbox, force -> mailbox.offer(notification, proven, force) })
    }

    fun gap(
        mailbox: Mailbox,
        lostAt: Instant,
        restoredAt: Instant,
        reason: String,
    ) {
        waiting.addLast(
            Parcel(ArrayDeque(listOf(mailbox))) { to, _ ->
                to.gap(lostAt, restoredAt, reason)
                true
            },
        )
    }

    /** Delivers what can be, with [force] all; false when somebody has no room. */
    fun flush(force: Boolean = false): Boolean {
        while (true) {
            val parcel = waiting.firstOrNull() ?: return true
            while (parcel.to.isNotEmpty()) {
                if (!parcel.put(parcel.to.first(), force)) return false
                parcel.to.removeFirst()
            }
            waiting.removeFirst()
        }
    }
}
