package io.numpool.bench.round;

import io.numpool.bench.report.CurvePoint;
import io.numpool.bench.report.Figure;
import io.numpool.bench.report.Outcome;
import io.numpool.bench.report.Spread;
import io.numpool.bench.server.Servers;
import io.numpool.bench.tally.Waits;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.HdrHistogram.Histogram;

/** Contenders in turn, and again in turn: what changes on the machine meanwhile befalls all of them. */
public final class Rounds {
    /** Where curves end: so many per cent are worse. */
    private static final double LEAST_ABOVE = 0.01;

    private final Servers servers;
    private final Timing timing;
    private final PrintStream progress;
    private int started;

    public Rounds(Servers servers, Timing timing, PrintStream progress) {
        this.servers = servers;
        this.timing = timing;
        this.progress = progress;
    }

    /**
     * Runs all contenders of one work.
     *
     * @param work its name
     * @param plans one for each contender
     * @param mostRepetitions no more than these, whatever was asked for
     * @return one outcome for each plan
     * @throws Exception when any round fails
     */
    public List<Outcome> run(String work, List<RoundPlan> plans, int mostRepetitions) throws Exception {
        var results = new ArrayList<List<RoundResult>>();
        plans.forEach(plan -> results.add(new ArrayList<>()));
        var repetitions = Math.min(mostRepetitions, timing.repetitions());
        for (var repetition = 1; repetition <= repetitions; repetition++) {
            for (var i = 0; i < plans.size(); i++) {
                var result = new Round(plans.get(i), timing, servers, "bench-" + ++started).run();
                results.get(i).add(result);
                progress.printf(
                        Locale.ROOT,
                        "%s, %d of %d: %s, %,.0f pairs/s%n",
                        work,
                        repetition,
                        repetitions,
                        plans.get(i).label(),
                        result.figures().get(Figure.PAIRS_PER_SECOND));
            }
        }
        var outcomes = new ArrayList<Outcome>();
        for (var i = 0; i < plans.size(); i++) {
            outcomes.add(outcome(plans.get(i), results.get(i)));
        }
        return outcomes;
    }

    private static Outcome outcome(RoundPlan plan, List<RoundResult> results) {
        var figures = new EnumMap<Figure, Spread>(Figure.class);
        for (var figure : Figure.values()) {
            var values = results.stream()
                    .map(result -> result.figures().get(figure))
                    .filter(Objects::nonNull)
                    .toList();
            if (!values.isEmpty()) {
                figures.put(figure, Spread.of(values));
            }
        }
        var corrected =
                Waits.merged(results.stream().map(RoundResult::corrected).toList());
        return new Outcome(plan.contender(), plan.label(), plan.allWorkers(), figures, curve(corrected));
    }

    /** 0, 10, … 90, 91, … 99, 99.1, … 99.9, 99.91, … 99.99 %. */
    private static List<CurvePoint> curve(Histogram waits) {
        var points = new ArrayList<CurvePoint>();
        for (var above = 100.0; above > 2 * LEAST_ABOVE; above /= 10) {
            for (var tenths = 10; tenths > 1; tenths--) {
                points.add(point(waits, 100 - above * tenths / 10));
            }
        }
        points.add(point(waits, 100 - LEAST_ABOVE));
        return points;
    }

    private static CurvePoint point(Histogram waits, double percentile) {
        return new CurvePoint(percentile, RoundResult.micros(waits, percentile));
    }
}
