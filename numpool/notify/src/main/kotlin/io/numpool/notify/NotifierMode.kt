package io.numpool.notify

/** What a [Notifier] can promise at this moment. */
public sealed interface NotifierMode {
    /** Not listening yet, or not any more, and working on it. [reason] says why, null before the first attempt. */
    public class Connecting(
        public val reason: String?,
    ) : NotifierMode {
        override fun toString(): String = if (reason == null) "CONNECTING" else "CONNECTING ($reason)"
    }

    /** LISTEN is committed, and a notification from another connection was seen to arrive on this one. */
    public object Listening : NotifierMode {
        override fun toString(): String = "LISTENING"
    }

    /**
     * A connection can be had, but notifications do not arrive on it (a transaction pooler stands in between, say):
     * whoever depends on them must poll. It goes on trying with growing delays.
     */
    public class Unavailable(
        public val reason: String,
    ) : NotifierMode {
        override fun toString(): String = "UNAVAILABLE ($reason)"
    }

    /** Closed for good: by [Notifier.close] ([reason] is null), or after the last reconnect attempt. */
    public class Closed(
        public val reason: String?,
    ) : NotifierMode {
        override fun toString(): String = if (reason == null) "CLOSED" else "CLOSED ($reason)"
    }
}
