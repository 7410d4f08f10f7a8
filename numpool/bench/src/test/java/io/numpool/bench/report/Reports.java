package io.numpool.bench.report;

import io.numpool.bench.contender.Contender;
import io.numpool.bench.round.Timing;
import java.util.List;
import java.util.Map;

/** Small reports for tests. */
final class Reports {
    private Reports() {}

    static Report of(WorkReport... works) {
        return new Report(
                "2026-07-01T12:00:00Z",
                12.5,
                new Timing(6, 6, 3),
                new Machine(
                        2,
                        "A processor",
                        8L << 30,
                        "Linux 6 amd64",
                        "A JVM 17",
                        Map.of("Redis", "7.0"),
                        Map.of("fsync", "on")),
                List.of(works),
                Aims.judge(List.of(works)),
                Map.of("numpool", "by its defaults"));
    }

    static Outcome outcome(Contender contender, double pairs, double p99Micros) {
        return new Outcome(
                contender,
                contender.title(),
                64,
                Map.of(
                        Figure.PAIRS_PER_SECOND, new Spread(pairs, pairs * 0.9, pairs * 1.1),
                        Figure.CORRECTED_P99_MICROS, new Spread(p99Micros, p99Micros, p99Micros)),
                List.of(new CurvePoint(0, 10), new CurvePoint(99, p99Micros)));
    }

    static Outcome with(Contender contender, int workers, Figure figure, double value) {
        return new Outcome(
                contender, contender.title(), workers, Map.of(figure, new Spread(value, value, value)), List.of());
    }
}
