package io.numpool.bench.work;

import io.numpool.bench.contender.Contender;
import io.numpool.bench.round.RoundPlan;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One thing that contenders are measured at.
 *
 * @param name as {@code --work} takes it
 * @param about what is done, in words
 * @param plans one for each contender
 * @param mostRepetitions no more than these, for what is counted rather than timed
 */
public record Work(String name, String about, List<RoundPlan> plans, int mostRepetitions) {
    Work(String name, String about, List<RoundPlan> plans) {
        this(name, about, plans, Integer.MAX_VALUE);
    }

    /** The same for fewer contenders. */
    public Work only(Set<Contender> contenders) {
        return with(plans.stream().filter(plan -> contenders.contains(plan.contender())));
    }

    /** The same in rounds of seconds. */
    Work quick() {
        return with(plans.stream().map(RoundPlan::compiledOnce));
    }

    private Work with(Stream<RoundPlan> others) {
        return new Work(name, about, others.toList(), mostRepetitions);
    }
}
