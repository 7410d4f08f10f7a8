package io.numpool.bench.order;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class HandOversTest {
    @Test
    void timesFromTheReleaseInOneProcessToTheGrantInAnother() {
        var handOvers = HandOvers.of(List.of(held(2, 115, 120), held(1, 100, 110), held(1, 127, 130)));
        assertEquals(List.of(5L, 7L), handOvers.nanos());
        assertEquals(1.0, handOvers.share());
    }

    @Test
    void aSlotThatStaysInItsProcessIsNotHandedOver() {
        var handOvers = HandOvers.of(List.of(held(1, 100, 110), held(1, 111, 120), held(2, 130, 140)));
        assertEquals(List.of(10L), handOvers.nanos());
        assertEquals(0.5, handOvers.share());
    }

    @Test
    void aPercentileIsOneOfTheTimes() {
        var handOvers = new HandOvers(List.of(1L, 2L, 3L, 4L), 5);
        assertEquals(2, handOvers.percentile(50));
        assertEquals(4, handOvers.percentile(99));
        assertEquals(1, handOvers.percentile(0));
    }

    @Test
    void twoHoldersAtATimeAreNoHandOver() {
        var both = List.of(held(1, 100, 110), held(2, 109, 120));
        assertThrows(IllegalStateException.class, () -> HandOvers.of(both));
    }

    @Test
    void withoutAnyThereIsNoPercentile() {
        var none = HandOvers.of(List.of(held(1, 100, 110)));
        assertThrows(IllegalStateException.class, () -> none.percentile(50));
    }

    private static Acquire held(int process, long granted, long released) {
        return new Acquire(process, 0, 0, granted, released, 0, granted);
    }
}
