package io.numpool.bench.report;

import static io.numpool.bench.report.Figure.CORRECTED_P99_MICROS;
import static io.numpool.bench.report.Figure.PAIRS_PER_SECOND;

import io.numpool.bench.contender.Contender;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** Looks medians up in what was measured: empty for what was not. */
final class Measured {
    private static final List<Contender> REDISSON = List.of(Contender.REDISSON, Contender.REDISSON_ASYNC);

    private final List<WorkReport> works;

    Measured(List<WorkReport> works) {
        this.works = works;
    }

    Optional<WorkReport> work(String name) {
        return works.stream().filter(work -> work.name().equals(name)).findFirst();
    }

    OptionalDouble of(String work, Contender contender, Figure figure) {
        return work(work).map(it -> it.median(contender, figure)).orElse(OptionalDouble.empty());
    }

    /** Of the one among several of a contender that has so many workers. */
    OptionalDouble of(String work, Contender contender, int workers, Figure figure) {
        return work(work).stream()
                .flatMap(it -> it.outcomes().stream())
                .filter(outcome -> outcome.contender() == contender && outcome.workers() == workers)
                .map(outcome -> outcome.median(figure))
                .findFirst()
                .orElse(OptionalDouble.empty());
    }

    OptionalDouble numpoolPairs(String work) {
        return of(work, Contender.NUMPOOL, PAIRS_PER_SECOND);
    }

    /** By whichever of its two interfaces it makes more. */
    OptionalDouble redissonPairs(String work) {
        return redisson(work, PAIRS_PER_SECOND)
                .max(Double::compare)
                .map(OptionalDouble::of)
                .orElse(OptionalDouble.empty());
    }

    /** By whichever of its two interfaces it waits less. */
    OptionalDouble redissonP99(String work) {
        return redisson(work, CORRECTED_P99_MICROS)
                .min(Double::compare)
                .map(OptionalDouble::of)
                .orElse(OptionalDouble.empty());
    }

    private Stream<Double> redisson(String work, Figure figure) {
        return REDISSON.stream()
                .map(contender -> of(work, contender, figure))
                .filter(OptionalDouble::isPresent)
                .map(OptionalDouble::getAsDouble);
    }

    /** Empty when either is. */
    static OptionalDouble ratio(OptionalDouble above, OptionalDouble below) {
        return above.isPresent() && below.isPresent()
                ? OptionalDouble.of(above.getAsDouble() / below.getAsDouble())
                : OptionalDouble.empty();
    }

    static OptionalDouble sum(OptionalDouble one, OptionalDouble other) {
        return one.isPresent() && other.isPresent()
                ? OptionalDouble.of(one.getAsDouble() + other.getAsDouble())
                : OptionalDouble.empty();
    }
}
