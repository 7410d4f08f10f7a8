package io.numpool.internal.store;

import java.util.UUID;

/** One call of {@code exchange}: what was settled, each slot and each ticket once, and what is asked for. */
public final class ExchangeCall {
    static final short RELEASE = 0;
    static final short CANCEL = 1;
    static final short HAND_OVER = 2;
    static final int TRY = 1;
    static final int NAMED = 2;

    private static final long[] NOTHING = {};

    final short[] settleKind;
    final int[] settleSlot;
    final long[] settleTicket;
    /** Empty: nothing is handed over. */
    long[] settleNext = NOTHING;

    /** Null: nobody asks for it. */
    Long foreignFrom;

    final UUID[] request;
    final short[] mode;
    final int[] slots;
    final String[] label;

    private int settled;
    private int asked;

    public ExchangeCall(int settles, int acquires) {
        settleKind = new short[settles];
        settleSlot = new int[settles];
        settleTicket = new long[settles];
        request = new UUID[acquires];
        mode = new short[acquires];
        slots = new int[acquires];
        label = new String[acquires];
    }

    /** A slot is given back. */
    public void release(int slot, long ticket) {
        settle(RELEASE, slot, ticket);
    }

    /** A place is left, or the slots given back that were granted to it meanwhile. */
    public void cancel(long ticket, int slots) {
        settle(CANCEL, slots, ticket);
    }

    /** The caller's {@code next} has the slot now. */
    public void handOver(int slot, long ticket, long next) {
        if (settleNext.length == 0) settleNext = new long[settleKind.length];
        settleNext[settled] = next;
        settle(HAND_OVER, slot, ticket);
    }

    /** The answer is to say how far no ticket of another session waits, as far as is known {@code from} here. */
    public void askForeignBound(long from) {
        foreignFrom = from;
    }

    /** Slots are asked for: at once or not at all when {@code attempt}; {@code named} when the user chose the id. */
    public void acquire(UUID id, int count, boolean attempt, boolean named, String what) {
        request[asked] = id;
        slots[asked] = count;
        mode[asked] = (short) ((attempt ? TRY : 0) | (named ? NAMED : 0));
        label[asked] = what;
        asked++;
    }

    private void settle(short kind, int slot, long ticket) {
        settleKind[settled] = kind;
        settleSlot[settled] = slot;
        settleTicket[settled] = ticket;
        settled++;
    }
}
