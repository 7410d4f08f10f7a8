package io.numpool.internal

import java.util.concurrent.atomic.LongAdder

/** What a client has done since it was opened. */
internal class Counters {
    /** Calls of `exchange`. */
    val calls = LongAdder()

    /** Releases, cancels, hand-overs and acquires in them. */
    val items = LongAdder()

    /** Slots that went to the next ticket here without a call. */
    val handOvers = LongAdder()

    /** Grants to other sessions that this client made. */
    val grantsToOthers = LongAdder()

    /** NOTIFYs sent for them. */
    val notifies = LongAdder()

    val polls = LongAdder()

    /** A notice was lost, or late. */
    val pollsThatFoundWork = LongAdder()
}
