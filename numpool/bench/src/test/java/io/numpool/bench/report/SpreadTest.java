package io.numpool.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void theMiddleOneOfThreeIsTheMedian() {
        assertEquals(new Spread(5, 1, 9), Spread.of(List.of(9.0, 1.0, 5.0)));
    }

    @Test
    void ofAnEvenNumberItIsHalfwayBetweenTheMiddleTwo() {
        assertEquals(new Spread(3, 1, 9), Spread.of(List.of(4.0, 9.0, 1.0, 2.0)));
    }

    @Test
    void oneMeasurementHasNoSpread() {
        assertEquals(new Spread(7, 7, 7), Spread.of(List.of(7.0)));
    }

    @Test
    void nothingHasNoMedian() {
        assertThrows(IllegalArgumentException.class, () -> Spread.of(List.of()));
    }
}
