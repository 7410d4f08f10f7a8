@file:JvmName("JooqPublish")

package io.numpool.notify

import org.jooq.DSLContext

/**
 * Sends a notification in the transaction that [dsl] is in, as [Notifier.publish] does on a connection. Blocks for a round
 * trip. Needs jOOQ on the class path.
 *
 * @throws IllegalArgumentException for a name that is no channel's, or a bad payload
 * @throws PublishException when the database refuses; the transaction is aborted then
 * @throws NotifierClosedException when closed
 */
public fun Notifier.publish(
    dsl: DSLContext,
    channel: String,
    payload: String = "",
): Unit = dsl.connection { publish(it, channel, payload) }
