package io.numpool.internal.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.UUID;

/** What {@code exchange} answered. */
public final class ExchangeAnswer {
    private final Short[] settled;
    private final Short[] outcome;
    private final Long[] ticket;
    private final Integer[] slot;
    private final Long[] grantedTicket;
    private final Integer[] grantedSlot;
    private final List<Notice> notices;
    private final int capacity;
    private final int held;
    private final int waiting;
    private final UUID incarnation;
    private final long foreignBound;

    /** What became of an acquire. */
    public enum Acquired {
        WAITS,
        GRANTED,
        NOT_SERVED,
        FOREIGN_ID,
        DELETED,
        MORE_THAN_CAPACITY,
        INCOMPLETE
    }

    /** Its columns are those of {@link ExchangeStatement}. */
    ExchangeAnswer(ResultSet row) throws SQLException {
        settled = (Short[]) array(row, 1);
        outcome = (Short[]) array(row, 2);
        ticket = (Long[]) array(row, 3);
        slot = (Integer[]) array(row, 4);
        grantedTicket = (Long[]) array(row, 5);
        grantedSlot = (Integer[]) array(row, 6);
        notices = Notice.list((Long[]) array(row, 7), (Long[]) array(row, 8), (Integer[]) array(row, 9));
        capacity = row.getInt(10);
        held = row.getInt(11);
        waiting = row.getInt(12);
        incarnation = row.getObject(13, UUID.class);
        foreignBound = row.getLong(14); // 0 for null
    }

    private static Object array(ResultSet row, int column) throws SQLException {
        return row.getArray(column).getArray();
    }

    /** Whether the i-th settle changed something; else it was stale. */
    public boolean settled(int i) {
        return settled[i] == 1;
    }

    public Acquired acquired(int i) {
        return Acquired.values()[outcome[i]];
    }

    /** Where the i-th acquire, which waits, stands in the queue: 1 is first. */
    public int place(int i) {
        int behind = 0;
        for (int j = i + 1; j < outcome.length; j++) if (outcome[j] == 0) behind++;
        return waiting - behind;
    }

    /** Of several slots the first; those of the others follow it. */
    public long ticket(int i) {
        return ticket[i];
    }

    /** Of several slots the first; the others are among the grants. */
    public int slot(int i) {
        return slot[i];
    }

    /** Grants to earlier places of the caller; in a retry: all its leases in the pool. */
    public int grants() {
        return grantedTicket.length;
    }

    public long grantedTicket(int i) {
        return grantedTicket[i];
    }

    public int grantedSlot(int i) {
        return grantedSlot[i];
    }

    /** Grants to other sessions, to be announced. */
    public List<Notice> notices() {
        return notices;
    }

    public int capacity() {
        return capacity;
    }

    public int held() {
        return held;
    }

    public int waiting() {
        return waiting;
    }

    /** No ticket of another session waits below it; 0 when it was not asked for. */
    public long foreignBound() {
        return foreignBound;
    }

    /** Which life of the server this is from. */
    public UUID incarnation() {
        return incarnation;
    }
}
