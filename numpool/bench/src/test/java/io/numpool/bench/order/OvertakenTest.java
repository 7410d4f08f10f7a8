package io.numpool.bench.order;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class OvertakenTest {
    private static final long MILLI = 1_000_000;

    @Test
    void whoAsksLaterAndIsServedEarlierOvertakes() {
        assertEquals(1, Overtaken.count(List.of(acquire(0, 30), acquire(10, 20))));
    }

    @Test
    void whoAsksAlmostAtTheSameTimeDoesNot() {
        assertEquals(0, Overtaken.count(List.of(acquire(0, 30), acquire(9, 20))));
    }

    @Test
    void whoIsOvertakenTwiceCountsOnce() {
        assertEquals(1, Overtaken.count(List.of(acquire(0, 90), acquire(10, 20), acquire(30, 40))));
    }

    @Test
    void inOrderNobodyIsOvertaken() {
        assertEquals(0, Overtaken.count(List.of(acquire(0, 20), acquire(10, 21), acquire(20, 22))));
        assertEquals(0, Overtaken.count(List.of()));
    }

    @RepeatedTest(50)
    void countsWhatComparingAllWithAllCounts(RepetitionInfo info) {
        var random = new Random(info.getCurrentRepetition());
        var acquires = new ArrayList<Acquire>();
        for (var i = 0; i < 200; i++) {
            var asked = random.nextInt(200);
            acquires.add(acquire(asked, asked + random.nextInt(info.getCurrentRepetition())));
        }
        assertEquals(byComparingAll(acquires), Overtaken.count(acquires), "seed " + info.getCurrentRepetition());
    }

    @Test
    void aQuarterOfAMillionTakesNoMinute() {
        var random = new Random(1);
        var acquires = new ArrayList<Acquire>();
        for (var i = 0; i < 250_000; i++) {
            acquires.add(acquire(i, i + random.nextInt(100)));
        }
        var started = System.nanoTime();
        assertTrue(Overtaken.count(acquires) > 0);
        assertTrue(System.nanoTime() - started < 20_000 * MILLI);
    }

    private static long byComparingAll(List<Acquire> acquires) {
        return acquires.stream()
                .filter(one -> acquires.stream()
                        .anyMatch(other -> other.asked() - one.asked() >= Overtaken.MARGIN_NANOS
                                && other.granted() < one.granted()))
                .count();
    }

    private static Acquire acquire(int askedMillis, int grantedMillis) {
        return new Acquire(0, 0, askedMillis * MILLI, grantedMillis * MILLI, (grantedMillis + 1) * MILLI, -1, 0);
    }
}
