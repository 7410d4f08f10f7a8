package io.numpool.bench.tally;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

/** Histograms of waits, in nanoseconds, from a microsecond up, to three digits. All have the same shape. */
public final class Waits {
    private static final long LOWEST = TimeUnit.MICROSECONDS.toNanos(1);
    private static final long HIGHEST = TimeUnit.MINUTES.toNanos(10);
    private static final int DIGITS = 3;

    private Waits() {}

    public static Histogram empty() {
        return new Histogram(LOWEST, HIGHEST, DIGITS);
    }

    /** For many threads, without locks and without garbage. */
    public static AtomicHistogram atomic() {
        return new AtomicHistogram(LOWEST, HIGHEST, DIGITS);
    }

    /** What all of them have counted. */
    public static Histogram merged(List<? extends Histogram> parts) {
        var all = empty();
        parts.forEach(all::add);
        return all;
    }

    /**
     * As if whoever had to wait long had gone on asking at its usual pace: a closed loop asks less while the service stalls, and so would see
     * the stall once where its callers see it many times.
     *
     * @param waits as they were seen
     * @param interval the usual pace of one worker, in nanoseconds
     * @return a copy
     */
    public static Histogram corrected(Histogram waits, long interval) {
        return waits.copyCorrectedForCoordinatedOmission(interval);
    }

    /** As text, for a line from one process to another. */
    public static String encoded(Histogram waits) {
        var buffer = ByteBuffer.allocate(waits.getNeededByteBufferCapacity());
        var length = waits.encodeIntoCompressedByteBuffer(buffer);
        buffer.flip();
        return Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length));
    }

    public static Histogram decoded(String text) {
        try {
            return Histogram.decodeFromCompressedByteBuffer(
                    ByteBuffer.wrap(Base64.getDecoder().decode(text)), HIGHEST);
        } catch (DataFormatException broken) {
            throw new IllegalArgumentException("Not a histogram: " + text, broken);
        }
    }
}
