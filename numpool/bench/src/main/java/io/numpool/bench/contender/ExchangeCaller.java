package io.numpool.bench.contender;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.postgresql.PGConnection;

/**
 * {@code exchange} on one connection, with nothing around it: prepared once, called by name, its arrays made of primitives, which pgjdbc sends
 * in binary. Of the answer it reads what it needs to go on. Not safe for use by several threads.
 */
final class ExchangeCaller {
    static final short RELEASE = 0;
    static final short CANCEL = 1;

    private static final String CALL = """
            SELECT acquire_ticket, acquire_slot FROM numpool.exchange(
              session_id => ?, session_epoch => ?, pool_number => ?, retry => false,
              settle_kind => ?, settle_slot => ?, settle_ticket => ?,
              acquire_request => ?, acquire_mode => ?, acquire_label => ?)""";

    private final PGConnection arrays;
    private final PreparedStatement call;

    /** Made for calls of as many acquires as the last one had. */
    private Array modes;

    private Array labels;
    private int acquires = -1;

    private Long[] tickets;
    private Integer[] slots;

    ExchangeCaller(Connection connection, long session, long epoch) throws SQLException {
        arrays = connection.unwrap(PGConnection.class);
        call = connection.prepareStatement(CALL);
        call.setLong(1, session);
        call.setLong(2, epoch);
    }

    /** Settles, and asks for slots, one for each acquire. */
    void call(int pool, short[] kinds, int[] slotsOfKinds, long[] ticketsOfKinds, int count) throws SQLException {
        shape(count);
        call.setInt(3, pool);
        call.setArray(4, arrays.createArrayOf("int2", kinds));
        call.setArray(5, arrays.createArrayOf("int4", slotsOfKinds));
        call.setArray(6, arrays.createArrayOf("int8", ticketsOfKinds));
        call.setArray(7, arrays.createArrayOf("uuid", requests(count)));
        call.setArray(8, modes);
        call.setArray(9, labels);
        try (var row = call.executeQuery()) {
            row.next();
            tickets = (Long[]) row.getArray(1).getArray();
            slots = (Integer[]) row.getArray(2).getArray();
        }
    }

    /** Of the i-th acquire. */
    long ticket(int i) {
        return tickets[i];
    }

    /** Of the i-th acquire; null when it waits. */
    Integer slot(int i) {
        return slots[i];
    }

    private void shape(int count) throws SQLException {
        if (count != acquires) {
            modes = arrays.createArrayOf("int2", new short[count]);
            labels = arrays.createArrayOf("text", new String[count]);
            acquires = count;
        }
    }

    /** Random, as a client's are, but not by a generator that is safe against guessing: that is no part of the limit. */
    private static UUID[] requests(int count) {
        var random = ThreadLocalRandom.current();
        var requests = new UUID[count];
        for (var i = 0; i < count; i++) {
            requests[i] = new UUID(random.nextLong(), random.nextLong());
        }
        return requests;
    }
}
