package io.numpool.bench.contender;

/** What the next call has to settle: the slots and places that the last one got, in arrays as {@code exchange} takes them. */
final class HeldBatch {
    private short[] kinds = {};
    private int[] slots = {};
    private long[] tickets = {};

    short[] kinds() {
        return kinds;
    }

    int[] slots() {
        return slots;
    }

    long[] tickets() {
        return tickets;
    }

    /**
     * Reads an answer.
     *
     * @param caller who has just called
     * @param acquires how many it asked for
     * @param granted how many of these the pool has slots for: the first ones
     */
    void take(ExchangeCaller caller, int acquires, int granted) {
        if (tickets.length != acquires) {
            kinds = new short[acquires];
            slots = new int[acquires];
            tickets = new long[acquires];
        }
        for (var i = 0; i < acquires; i++) {
            var slot = caller.slot(i);
            if ((slot != null) != (i < granted)) {
                throw new IllegalStateException(
                        "Acquire %d of %d, of which %d are served, got slot %s".formatted(i, acquires, granted, slot));
            }
            kinds[i] = slot == null ? ExchangeCaller.CANCEL : ExchangeCaller.RELEASE;
            slots[i] = slot == null ? 1 : slot; // of a place: how many slots it waited for
            tickets[i] = caller.ticket(i);
        }
    }
}
