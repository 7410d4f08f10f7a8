package io.numpool.notify

import java.time.Duration

/** Is told what happens in a [Notifier]. Exceptions thrown here are logged and change nothing. Must not block. */
public interface NotifierObserver {
    /** A notification arrived, before subscribers get it. */
    public fun onNotification(notification: Notification) {}

    /** A handler, a hook or the sending of a check failed; [channel] is null where none is concerned. */
    public fun onError(
        error: Throwable,
        channel: String?,
    ) {
    }

    /** LISTEN was committed for [channel]. */
    public fun onSubscribe(channel: String) {}

    /** UNLISTEN was committed for [channel]. */
    public fun onUnsubscribe(channel: String) {}

    /** LISTEN is committed on a new connection, the first one included. */
    public fun onConnect() {}

    /** The LISTEN connection is gone; null when the notifier was closed. */
    public fun onDisconnect(error: Throwable?) {}

    /** The [attempt]-th attempt in a row to reconnect follows in [delay]. */
    public fun onReconnectAttempt(
        attempt: Int,
        delay: Duration,
    ) {
    }

    /** LISTEN is committed again, at the [attempt]-th attempt. */
    public fun onReconnected(attempt: Int) {}

    /** The last attempt failed: the notifier is closed. */
    public fun onGaveUp(
        attempts: Int,
        error: Throwable,
    ) {
    }
}
