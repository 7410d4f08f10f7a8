package io.numpool.notify.internal

import io.numpool.notify.NotifierOptions
import java.time.Instant
import java.util.Queue

/** Since when notifications may be missing, and why. */
internal class Loss(
    val at: Instant,
    val reason: String,
)

/** What outlives a connection and every session works with. */
internal class ListenContext(
    val options: NotifierOptions,
    val subscriptions: Subscriptions,
    val errands: Queue<Errand<*>>,
    val doorbell: Doorbell,
    val watchdog: Watchdog,
    val echo: Echo,
    val reports: Reports,
    val counters: Counters,
) {
    val delivery: Delivery = Delivery(subscriptions)
}
