package io.numpool.bench.report;

import io.numpool.bench.BenchException;
import java.util.ArrayList;
import java.util.List;

/**
 * A run beside a stored one.
 *
 * @param now of this run
 * @param stored of that one
 */
public record RatioCheck(Ratio now, Ratio stored) {
    /** What a ratio may lose. */
    private static final double MOST_LOST = 1.0 / 3;

    /** Of doubles that were divided. */
    private static final double ROUNDING = 1e-9;

    /**
     * Compares what both have.
     *
     * @throws BenchException when they have nothing in common, for then nothing would be checked
     */
    public static List<RatioCheck> compare(List<Ratio> now, List<Ratio> stored) {
        var checks = new ArrayList<RatioCheck>();
        for (var ratio : now) {
            stored.stream()
                    .filter(other -> other.name().equals(ratio.name()))
                    .findFirst()
                    .ifPresent(other -> checks.add(new RatioCheck(ratio, other)));
        }
        if (checks.isEmpty()) {
            throw new BenchException("The stored report has no ratio in common with this run: nothing was checked");
        }
        return checks;
    }

    /** Whether it has lost no more than a third. */
    public boolean holds() {
        return now.value() >= stored.value() * (1 - MOST_LOST) * (1 - ROUNDING);
    }

    @Override
    public String toString() {
        return Texts.format(
                "%s %s: %.3f, stored %.3f", holds() ? "ok   " : "WORSE", now.name(), now.value(), stored.value());
    }
}
