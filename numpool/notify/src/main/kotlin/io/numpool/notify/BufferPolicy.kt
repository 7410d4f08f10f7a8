package io.numpool.notify

/** What happens to a notification when a subscription's buffer is full. */
public enum class BufferPolicy {
    /**
     * The notifier waits for room: nothing is lost, but every subscriber waits with the slow one. What comes meanwhile
     * stays with the server or, once a ping has fetched it, in the driver's memory.
     */
    WAIT,

    /** The oldest buffered notifications make room; the subscriber finds a [Gap] in their place. */
    DROP_OLDEST,

    /**
     * Of buffered notifications with the same payload one is kept; when all are different, the oldest makes room as in
     * [DROP_OLDEST].
     */
    COALESCE,
}
