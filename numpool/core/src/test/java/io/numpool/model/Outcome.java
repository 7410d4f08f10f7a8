package io.numpool.model;

/** What became of a {@link Wish}. Ticket 0 and slot -1 stand for none. */
record Outcome(Kind kind, int ticket, int slot) {
    /** In the order of their numbers in {@code exchange}. */
    enum Kind {
        WAITS,
        GRANTED,
        NOT_SERVED,
        FOREIGN_ID,
        POOL_DELETED,
        MORE_THAN_CAPACITY,
        INCOMPLETE
    }

    static Outcome of(Kind kind) {
        return new Outcome(kind, 0, -1);
    }
}
