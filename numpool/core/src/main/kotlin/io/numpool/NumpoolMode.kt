package io.numpool

/** How a client learns of grants that other processes make. */
public enum class NumpoolMode {
    /** Not listening yet, or on the way back; polls meanwhile. */
    CONNECTING,

    /** By notification at once; polls behind it. */
    LISTENING,

    /** By polling only: asked for, because LISTEN does not work here, or until `listen()` is called when `open` was not to start it. */
    POLL_ONLY,

    /** Closed. */
    CLOSED,
}
