package io.numpool.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.bench.BenchException;
import io.numpool.bench.contender.Contender;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RatioCheckTest {
    @ParameterizedTest
    @ValueSource(doubles = {0.3, 0.9, 1, 3, 7.7, 1234.5})
    void aThirdLessIsBorne(double stored) {
        assertTrue(check(stored * 2 / 3, stored).holds());
        assertTrue(check(stored - stored / 3, stored).holds());
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.3, 0.9, 1, 3, 7.7, 1234.5})
    void moreThanAThirdLessIsNot(double stored) {
        assertFalse(check(stored * 0.6666, stored).holds());
    }

    @Test
    void betterIsFine() {
        assertTrue(check(2, 1).holds());
    }

    @Test
    void onlyWhatBothHaveIsCompared() {
        var checks = RatioCheck.compare(
                List.of(new Ratio("a", 1), new Ratio("b", 1)), List.of(new Ratio("c", 1), new Ratio("b", 9)));
        assertEquals(1, checks.size());
        assertEquals("WORSE b: 1.000, stored 9.000", checks.get(0).toString());
    }

    @Test
    void nothingInCommonIsNoCheck() {
        var one = List.of(new Ratio("a", 1));
        var other = List.of(new Ratio("b", 1));
        assertThrows(BenchException.class, () -> RatioCheck.compare(one, other));
    }

    @Test
    void ratiosAreToTheLimitAndToTheBetterOfRedissonsInterfaces() {
        var report = Reports.of(new WorkReport(
                "1x64-4",
                "many for few",
                List.of(
                        Reports.outcome(Contender.NUMPOOL, 30_000, 3_000),
                        Reports.outcome(Contender.REDISSON, 4_000, 60_000),
                        Reports.outcome(Contender.REDISSON_ASYNC, 5_000, 70_000),
                        Reports.outcome(Contender.BARE_EXCHANGE_QUEUED, 60_000, 1_000))));
        assertEquals(
                List.of(
                        new Ratio("1x64-4, pairs/s: numpool / bare exchange, queued", 0.5),
                        new Ratio("1x64-4, pairs/s: numpool / Redisson", 6),
                        new Ratio("1x64-4, p99: Redisson / numpool", 20)),
                Ratio.of(report));
    }

    @Test
    void whatIsNotMeasuredHasNoRatio() {
        var report = Reports.of(
                new WorkReport("1x64-4", "many for few", List.of(Reports.outcome(Contender.NUMPOOL, 30_000, 3_000))));
        assertEquals(List.of(), Ratio.of(report));
    }

    private static RatioCheck check(double now, double stored) {
        return new RatioCheck(new Ratio("a", now), new Ratio("a", stored));
    }
}
