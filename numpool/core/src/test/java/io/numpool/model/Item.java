package io.numpool.model;

/**
 * What was settled in a client and is to be told to the database.
 *
 * @param slot that is released or handed over
 * @param ticket of the holder, or of the place that is left
 * @param next the ticket that has the slot now
 * @param slots how many were asked for, of a place that is left
 */
record Item(Kind kind, int slot, int ticket, int next, int slots) {
    enum Kind {
        RELEASE,
        CANCEL,
        HAND_OVER
    }

    static Item release(int slot, int ticket) {
        return new Item(Kind.RELEASE, slot, ticket, 0, 1);
    }

    static Item cancel(int ticket, int slots) {
        return new Item(Kind.CANCEL, -1, ticket, 0, slots);
    }

    static Item handOver(int slot, int ticket, int next) {
        return new Item(Kind.HAND_OVER, slot, ticket, next, 1);
    }
}
