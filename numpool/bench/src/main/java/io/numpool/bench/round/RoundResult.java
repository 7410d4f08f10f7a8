package io.numpool.bench.round;

import io.numpool.bench.report.Figure;
import io.numpool.bench.tally.ProcessMeter;
import io.numpool.bench.tally.Waits;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * One round, all of its processes together.
 *
 * @param pairs in the window
 * @param waits as seen
 * @param corrected the same, as they would have been seen by callers that do not slow down
 * @param figures all that was measured
 */
public record RoundResult(long pairs, Histogram waits, Histogram corrected, Map<Figure, Double> figures) {
    /**
     * Puts it together.
     *
     * @param plan of the round
     * @param seconds of its window
     * @param processes what they told
     * @param serverNanos of processor time, of the server in the window
     * @param extra what was found beside
     */
    static RoundResult of(
            RoundPlan plan, int seconds, List<ProcessResult> processes, long serverNanos, Map<Figure, Double> extra) {
        var pairs = processes.stream().mapToLong(ProcessResult::pairs).sum();
        if (pairs == 0) {
            throw new IllegalStateException(plan.label() + " has done no pair in " + seconds + " s");
        }
        var waits = Waits.merged(processes.stream()
                .map(process -> Waits.decoded(process.waits()))
                .toList());
        var interval = TimeUnit.SECONDS.toNanos(seconds) * plan.allWorkers() / pairs;
        var corrected = Waits.corrected(waits, interval);

        var figures = new EnumMap<Figure, Double>(Figure.class);
        processes.forEach(process -> figures.putAll(process.figures()));
        figures.putAll(extra);
        figures.put(Figure.PAIRS_PER_SECOND, (double) pairs / seconds);
        figures.put(Figure.WAIT_P50_MICROS, micros(waits, 50));
        figures.put(Figure.WAIT_P90_MICROS, micros(waits, 90));
        figures.put(Figure.WAIT_P99_MICROS, micros(waits, 99));
        figures.put(Figure.WAIT_P999_MICROS, micros(waits, 99.9));
        figures.put(Figure.CORRECTED_P50_MICROS, micros(corrected, 50));
        figures.put(Figure.CORRECTED_P90_MICROS, micros(corrected, 90));
        figures.put(Figure.CORRECTED_P99_MICROS, micros(corrected, 99));
        figures.put(Figure.CORRECTED_P999_MICROS, micros(corrected, 99.9));
        figures.put(Figure.SERVER_CPU_MICROS_PER_PAIR, serverNanos / 1e3 / pairs);
        figures.putAll(costs(processes.stream().map(ProcessResult::used).toList()));
        return new RoundResult(pairs, waits, corrected, figures);
    }

    private static Map<Figure, Double> costs(List<ProcessMeter.Used> used) {
        var pairs = used.stream().mapToLong(ProcessMeter.Used::pairs).sum();
        var nanos = used.stream().mapToLong(ProcessMeter.Used::cpuNanos).sum();
        var bytes = used.stream().mapToLong(ProcessMeter.Used::allocatedBytes).sum();
        if (pairs == 0) {
            return Map.of(); // who measures has slept through the window
        }
        return Map.of(
                Figure.CLIENT_CPU_MICROS_PER_PAIR, nanos / 1e3 / pairs,
                Figure.ALLOCATED_BYTES_PER_PAIR, (double) bytes / pairs);
    }

    /** At most so long. */
    static double micros(Histogram waits, double percentile) {
        return waits.getValueAtPercentile(percentile) / 1e3;
    }
}
