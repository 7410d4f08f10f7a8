package io.numpool.bench.tally;

import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;

/** When one worker's acquires were asked for, granted and given back: bare numbers, so that to keep them costs next to nothing. */
public final class Moments {
    private static final int WIDTH = 5;
    private static final int FIRST_ROOM = 1024 * WIDTH;

    private long[] values = new long[FIRST_ROOM];
    private int used;

    void add(long asked, long granted, long released, int slot, long token) {
        if (used == values.length) {
            values = Arrays.copyOf(values, used * 2);
        }
        values[used++] = asked;
        values[used++] = granted;
        values[used++] = released;
        values[used++] = slot;
        values[used++] = token;
    }

    /**
     * Writes them, each after the worker's number.
     *
     * @param worker its number in its process
     * @param out where to
     * @throws IOException when it does not take them
     */
    public void writeTo(DataOutputStream out, int worker) throws IOException {
        for (var i = 0; i < used; i++) {
            if (i % WIDTH == 0) {
                out.writeLong(worker);
            }
            out.writeLong(values[i]);
        }
    }
}
