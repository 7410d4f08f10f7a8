package io.numpool.bench.report;

import java.util.List;

/** Several measurements of one thing. */
public record Spread(double median, double min, double max) {
    /**
     * Of an even number of them the median is halfway between the middle two.
     *
     * @param values at least one
     */
    public static Spread of(List<Double> values) {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("Nothing was measured");
        }
        var sorted = values.stream().sorted().toList();
        var middle = sorted.size() / 2;
        var median = sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
        return new Spread(median, sorted.get(0), sorted.get(sorted.size() - 1));
    }
}
