package io.numpool.notify

import java.sql.Connection
import java.sql.SQLException

/**
 * Rides on the LISTEN connection. Called on the listener's own thread, in order, so a hook that blocks delays
 * notifications and pings, and nothing else.
 */
public interface ListenHook {
    /**
     * A new LISTEN connection, before LISTEN and before anybody is told. An exception closes the connection and counts
     * as a failed attempt. Must be done within the notifier's `connectTimeout`, else the connection is aborted.
     */
    @Throws(SQLException::class)
    public fun onOpen(connection: Connection) {}

    /** A ping was answered on the LISTEN connection; both times are [System.nanoTime]. */
    public fun onPing(
        sentNanos: Long,
        answeredNanos: Long,
    ) {
    }

    /**
     * A connection that [onOpen] accepted is gone: [error] says why, null when the notifier was closed. What the server said last, as warnings,
     * is among its suppressed exceptions.
     */
    public fun onLost(error: Throwable?) {}

    /** No connection could be opened, and another attempt follows; both times are [System.nanoTime]. */
    public fun onConnectFailed(
        error: Throwable,
        begunNanos: Long,
        failedNanos: Long,
    ) {
    }
}
