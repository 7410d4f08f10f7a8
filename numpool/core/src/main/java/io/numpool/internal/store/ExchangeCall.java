package io.numpool.internal.store;

import java.util.Arrays;
import java.util.UUID;

/** One call of {@code exchange}: what was settled, each slot and each ticket once, and what is asked for. */
public final class ExchangeCall {
    static final short RELEASE = 0;
    static final short CANCEL = 1;
    static final short HAND_OVER = 2;
    static final int TRY = 1;
    static final int NAMED = 2;

    final Short[] settleKind;
    final Integer[] settleSlot;
    final Long[] settleTicket;
    /** Null: nothing is handed over. */
    Long[] settleNext;

    /** Null: nobody asks for it. */
    Long foreignFrom;

    final UUID[] request;
    final Short[] mode;
    /** Null: one each. */
    Integer[] slots;

    final String[] label;

    private int settled;
    private int asked;

    public ExchangeCall(int settles, int acquires) {
        settleKind = new Short[settles];
        settleSlot = new Integer[settles];
        settleTicket = new Long[settles];
        request = new UUID[acquires];
        mode = new Short[acquires];
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
        if (settleNext == null) settleNext = new Long[settleKind.length];
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
        if (count > 1 && slots == null) {
            slots = new Integer[request.length];
            Arrays.fill(slots, 1);
        }
        if (count > 1) slots[asked] = count;
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
