package io.numpool.model;

/** A place in the queue: it stands for as many tickets as it asks for slots, from its own on. */
record Place(int ticket, int session, Wish wish) {
    boolean covers(int other) {
        return other >= ticket && other < ticket + wish.slots();
    }
}
