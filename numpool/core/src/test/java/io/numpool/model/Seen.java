package io.numpool.model;

import java.util.Arrays;

/**
 * The states that were seen, numbered as they came, by 128 bits of hash each: two of a hundred million states share them with a probability
 * of 10^-22.
 */
final class Seen {
    private static final long EMPTY = 0;

    private long[] high = new long[1 << 16];
    private long[] low = new long[1 << 16];
    private int[] parents = new int[1 << 15];
    private short[] steps = new short[1 << 15];
    private int size;

    /** False when it was there. */
    boolean add(byte[] state, int parent, int step) {
        var a = mix(state, 0x9E3779B97F4A7C15L) | 1; // never EMPTY
        var b = mix(state, 0xC2B2AE3D27D4EB4FL);
        var at = (int) (b >>> 20) & (high.length - 1);
        while (high[at] != EMPTY) {
            if (high[at] == a && low[at] == b) {
                return false;
            }
            at = at + 1 & (high.length - 1);
        }
        high[at] = a;
        low[at] = b;
        if (size == parents.length) {
            parents = Arrays.copyOf(parents, size * 2);
            steps = Arrays.copyOf(steps, size * 2);
        }
        parents[size] = parent;
        steps[size] = (short) step;
        size++;
        if (size > high.length / 2) {
            grow();
        }
        return true;
    }

    int size() {
        return size;
    }

    int parent(int state) {
        return parents[state];
    }

    int step(int state) {
        return steps[state];
    }

    private void grow() {
        var oldHigh = high;
        var oldLow = low;
        high = new long[oldHigh.length * 2];
        low = new long[oldHigh.length * 2];
        for (var i = 0; i < oldHigh.length; i++) {
            if (oldHigh[i] != EMPTY) {
                var at = (int) (oldLow[i] >>> 20) & (high.length - 1);
                while (high[at] != EMPTY) {
                    at = at + 1 & (high.length - 1);
                }
                high[at] = oldHigh[i];
                low[at] = oldLow[i];
            }
        }
    }

    private static long mix(byte[] bytes, long seed) {
        var h = seed ^ bytes.length * 0xFF51AFD7ED558CCDL;
        for (var each : bytes) {
            h = (h ^ each) * 0x100000001B3L;
            h ^= h >>> 29;
            h *= 0xBF58476D1CE4E5B9L;
        }
        h ^= h >>> 32;
        h *= 0x94D049BB133111EBL;
        return h ^ h >>> 29;
    }
}
