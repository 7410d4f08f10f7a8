package io.numpool.bench.report;

import io.numpool.bench.contender.Contender;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * How one contender did at one work.
 *
 * @param contender who
 * @param label what to call it in this work
 * @param workers of all processes
 * @param figures over all repetitions
 * @param waits the distribution of waits; empty when none were measured
 */
public record Outcome(
        Contender contender, String label, int workers, Map<Figure, Spread> figures, List<CurvePoint> waits) {
    public OptionalDouble median(Figure figure) {
        var spread = figures.get(figure);
        return spread == null ? OptionalDouble.empty() : OptionalDouble.of(spread.median());
    }
}
