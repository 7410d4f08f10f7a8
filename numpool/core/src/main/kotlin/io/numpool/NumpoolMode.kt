package io.numpool

/** How a client learns of grants that other processes make. */
public enum class NumpoolMode {
    /** Not listening yet, or on the way back; polls meanwhile. */
    CONNECTING,

    /** By notification at once; polls behind it. */
    LISTENING,

    /** By polling only: asked for, or because LISTEN does not work here. */
    POLL_ONLY,

    /** Closed. */
    CLOSED,
}
