package io.numpool.model;

/** What the protocol rests on. The model can be explored without any one of them, and then finds a promise broken. */
enum Rule {
    /** A slot is handed over in memory only while no place of another session is known to be earlier. */
    FOREIGN_BOUND,
    /** A slot is handed over in memory only to a higher ticket than it was held under. */
    TOKENS_RISE,
    /** A grant is used only if its ticket still waits here; any other is ignored. */
    STILL_WAITS,
    /** What happened one after the other to one slot is told as one thing: a call names each slot and each ticket once. */
    TOLD_AS_ONE,
    /** A hand-over to a ticket frees the slot that the ticket was granted meanwhile. */
    HAND_OVER_FREES,
    /** Before a call of unknown outcome is sent again the epoch is raised, and calls of an older one are refused. */
    EPOCH,
    /** A call that is sent again looks its requests up before it takes tickets for them. */
    RETRY_LOOKS_UP,
    /** Who frees a slot, or renews, is asked for the session and the token under which it is held. */
    OWNERSHIP,
    /** A place whose session is dead is dropped when its turn comes. */
    DEAD_PLACES_DROP,
    /** A cancel frees the slot that its ticket was granted meanwhile. */
    CANCEL_FREES,
    /** Calls of a session that was declared dead are refused. */
    DEAD_IS_REFUSED,
    /** A session is declared dead only when its holder knows that its time is up. */
    HOLDER_FIRST,
    /** Whoever frees slots grants them on in the same transaction. */
    GRANT_ON_FREE,
    /** What a dead session held is freed. */
    REPAIR,
    /** While something waits, the client asks from time to time what became of it. */
    POLL,
    /** In another life of the server the client compares what it has with what the database knows. */
    COMPARE_AFTER_CRASH,
    /** A commit by which somebody was told of a slot is on disk before the answer. */
    GRANTS_ARE_DURABLE,
}
