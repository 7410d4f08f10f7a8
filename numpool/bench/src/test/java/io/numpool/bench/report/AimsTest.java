package io.numpool.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.numpool.bench.contender.Contender;
import io.numpool.bench.work.Works;
import java.util.List;
import org.junit.jupiter.api.Test;

class AimsTest {
    @Test
    void everyAimOfAWorkIsJudgedByItsOwnFigures() {
        var aims = judge(new WorkReport(
                "1x64-64",
                "as many slots as workers",
                List.of(
                        Reports.outcome(Contender.NUMPOOL, 40_000, 3_000),
                        Reports.outcome(Contender.REDISSON, 14_000, 60_000),
                        Reports.outcome(Contender.REDISSON_ASYNC, 16_001, 70_000))));
        assertEquals(new AimResult("1x64-64", "≥ 40,000 pairs/s", "40,000 pairs/s", true), aims.get(0));
        assertEquals(new AimResult("1x64-64", "≥ 2.5 × Redisson", "2.50 ×", false), aims.get(1));
    }

    @Test
    void aWaitIsComparedWithTheShorterOfRedissons() {
        var aims = judge(new WorkReport(
                "4x16-4",
                "several processes",
                List.of(
                        Reports.outcome(Contender.NUMPOOL, 2_499, 10_000),
                        Reports.outcome(Contender.REDISSON, 800, 50_000),
                        Reports.outcome(Contender.REDISSON_ASYNC, 900, 500_000))));
        assertEquals(List.of(false, true), aims.stream().map(AimResult::holds).toList());
    }

    @Test
    void manyWaitersAreToldFromFewByTheirNumber() {
        var aims = judge(new WorkReport(
                Works.MANY_WAITING,
                "many wait",
                List.of(
                        Reports.with(Contender.NUMPOOL_WAITERS, Works.MANY, Figure.PAIRS_PER_SECOND, 1_000),
                        Reports.with(Contender.NUMPOOL_WAITERS, Works.FEW, Figure.PAIRS_PER_SECOND, 1_500))));
        assertEquals("1.50 ×", aims.get(0).measured());
        assertEquals(false, aims.get(0).holds());
    }

    @Test
    void whatWasNotMeasuredNeitherHoldsNorFails() {
        var results = Aims.judge(List.of());
        results.forEach(result -> assertNull(result.holds()));
    }

    private static List<AimResult> judge(WorkReport work) {
        return Aims.judge(List.of(work)).stream()
                .filter(result -> result.holds() != null)
                .toList();
    }
}
