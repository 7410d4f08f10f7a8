package io.numpool.bench.report;

import io.numpool.bench.contender.Contender;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One work, and how all did at it.
 *
 * @param name as {@code --work} takes it
 * @param about what is done, in words
 * @param outcomes by contender
 */
public record WorkReport(String name, String about, List<Outcome> outcomes) {
    public Optional<Outcome> outcome(Contender contender) {
        return outcomes.stream()
                .filter(outcome -> outcome.contender() == contender)
                .findFirst();
    }

    public OptionalDouble median(Contender contender, Figure figure) {
        return outcome(contender).map(outcome -> outcome.median(figure)).orElse(OptionalDouble.empty());
    }
}
