package io.numpool.bench.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WaitsTest {
    @Test
    void mergedHistogramsAreThatOfAllValues() {
        var random = new Random(1);
        var parts = List.of(Waits.empty(), Waits.empty(), Waits.empty());
        var whole = Waits.empty();
        for (var i = 0; i < 10_000; i++) {
            var value = TimeUnit.MICROSECONDS.toNanos(random.nextInt(1_000_000));
            parts.get(random.nextInt(3)).recordValue(value);
            whole.recordValue(value);
        }
        assertEquals(whole, Waits.merged(parts));
    }

    @Test
    void aHistogramTravelsAsText() {
        var sent = Waits.atomic();
        sent.recordValueWithCount(TimeUnit.MILLISECONDS.toNanos(3), 1000);
        sent.recordValue(TimeUnit.SECONDS.toNanos(30));
        var arrived = Waits.decoded(Waits.encoded(sent));
        assertEquals(Waits.merged(List.of(sent)), Waits.merged(List.of(arrived)));
        assertEquals(1001, arrived.getTotalCount());
    }

    @Test
    void anEmptyOneTravels() {
        assertEquals(0, Waits.decoded(Waits.encoded(Waits.atomic())).getTotalCount());
    }

    @Test
    void correctionAddsWhatAStallHid() {
        var waits = Waits.empty();
        waits.recordValueWithCount(TimeUnit.MILLISECONDS.toNanos(1), 9);
        waits.recordValue(TimeUnit.MILLISECONDS.toNanos(10));
        // 9 ms, 8 ms, … 1 ms: who would have asked at that pace meanwhile
        assertEquals(
                19, Waits.corrected(waits, TimeUnit.MILLISECONDS.toNanos(1)).getTotalCount());
        assertEquals(10, waits.getTotalCount());
    }

    @Test
    void otherTextIsNoHistogram() {
        assertThrows(IllegalArgumentException.class, () -> Waits.decoded("this is none"));
    }
}
