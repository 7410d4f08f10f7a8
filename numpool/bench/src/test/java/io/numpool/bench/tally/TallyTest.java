package io.numpool.bench.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class TallyTest {
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    private final Window window = new Window();
    private final Histogram waits = Waits.atomic();
    private final LongAdder pairs = new LongAdder();
    private final Moments moments = new Moments();
    private final Tally tally = new Tally(window, waits, pairs, moments);

    @Test
    void beforeTheWindowNothingCountsAndWorkGoesOn() {
        assertTrue(pair());
        window.set(System.nanoTime() + HOUR, System.nanoTime() + 2 * HOUR);
        assertTrue(pair());
        assertEquals(0, pairs.sum());
        assertEquals(0, waits.getTotalCount());
    }

    @Test
    void inTheWindowAllCounts() throws IOException {
        window.set(System.nanoTime(), System.nanoTime() + HOUR);
        assertTrue(pair());
        assertEquals(1, pairs.sum());
        assertEquals(1, waits.getTotalCount());
        assertEquals(6 * Long.BYTES, written().length);
    }

    @Test
    void afterTheWindowNobodyAsks() {
        window.set(System.nanoTime() - HOUR, System.nanoTime());
        assertFalse(tally.asks());
    }

    @Test
    void whatIsAskedForInTheWindowAndGrantedAfterItIsNoPairButAMoment() throws Exception {
        var end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
        window.set(end - HOUR, end);
        assertTrue(tally.asks());
        Sleep.until(end);
        tally.granted(3, 4);
        tally.releases();
        tally.released();
        assertEquals(0, pairs.sum());
        assertEquals(0, waits.getTotalCount());
        assertEquals(6 * Long.BYTES, written().length);
    }

    @Test
    void momentsAreKeptInOrderHoweverMany() throws IOException {
        for (var i = 0; i < 5000; i++) {
            moments.add(i, i + 1, i + 2, 3, 4);
        }
        var in = new DataInputStream(new ByteArrayInputStream(written()));
        for (var i = 0; i < 5000; i++) {
            assertEquals(8, in.readLong()); // the worker
            assertEquals(i, in.readLong());
            assertEquals(i + 1, in.readLong());
            assertEquals(i + 2, in.readLong());
            assertEquals(3, in.readLong());
            assertEquals(4, in.readLong());
        }
        assertEquals(0, in.available());
    }

    private boolean pair() {
        var goesOn = tally.asks();
        tally.granted(Tally.NO_SLOT, Tally.NO_TOKEN);
        tally.releases();
        tally.released();
        return goesOn;
    }

    private byte[] written() throws IOException {
        var bytes = new ByteArrayOutputStream();
        moments.writeTo(new DataOutputStream(bytes), 8);
        return bytes.toByteArray();
    }
}
