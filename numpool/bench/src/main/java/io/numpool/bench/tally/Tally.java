package io.numpool.bench.tally;

import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;

/**
 * What one worker's loop tells of itself, in this order and for ever: {@link #asks}, {@link #granted}, {@link #releases}, {@link #released}. Only
 * what falls into the window counts: pairs by when they were done, waits by when they ended, moments by when the slot was asked for.
 *
 * <p>Used by one thread at a time. Its moments may be read when its loop has ended.
 */
public final class Tally {
    /** For contenders whose slots have no numbers. */
    public static final int NO_SLOT = -1;

    /** For contenders without tokens. */
    public static final long NO_TOKEN = 0;

    private final Window window;

    /** Shared by all workers of the process, so it counts atomically. */
    private final Histogram waits;

    /** Shared, too, for whoever measures what pairs cost while they are made. */
    private final LongAdder pairs;

    /** Null when they are not wanted. */
    private final Moments moments;

    private long asked;
    private long granted;
    private long releasing;
    private int slot;
    private long token;

    public Tally(Window window, Histogram waits, LongAdder pairs, Moments moments) {
        this.window = window;
        this.waits = waits;
        this.pairs = pairs;
        this.moments = moments;
    }

    /**
     * A slot is about to be asked for.
     *
     * @return false when the time is up: then it is not
     */
    public boolean asks() {
        asked = System.nanoTime();
        return !window.isOver(asked);
    }

    /**
     * The slot is there.
     *
     * @param slotNumber which, or {@link #NO_SLOT}
     * @param fencingToken its token, or {@link #NO_TOKEN}
     */
    public void granted(int slotNumber, long fencingToken) {
        granted = System.nanoTime();
        slot = slotNumber;
        token = fencingToken;
        if (window.contains(granted)) {
            waits.recordValue(granted - asked);
        }
    }

    /** It is about to be given back. */
    public void releases() {
        releasing = System.nanoTime();
    }

    /** It was given back, as far as the worker waits for that. */
    public void released() {
        if (window.contains(System.nanoTime())) {
            pairs.increment();
        }
        if (moments != null && window.contains(asked)) {
            moments.add(asked, granted, releasing, slot, token);
        }
    }

    /**
     * One call has done several pairs, each of which waited as long as the call took.
     *
     * @param count how many
     * @param moment when it was answered
     */
    public void answered(int count, long moment) {
        if (window.contains(moment)) {
            waits.recordValueWithCount(moment - asked, count);
            pairs.add(count);
        }
    }

    public Moments moments() {
        return moments;
    }
}
