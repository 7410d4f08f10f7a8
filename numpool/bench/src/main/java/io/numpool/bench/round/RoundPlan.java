package io.numpool.bench.round;

import io.numpool.bench.contender.Contender;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a round is.
 *
 * @param contender who
 * @param label what to call it
 * @param processes how many
 * @param workers of each process
 * @param slots of each pool
 * @param pools how many
 * @param holdMillis how long a slot is held
 * @param options of the processes' JVMs
 * @param study makes what looks at it beside; empty when nothing does, and then no moments are kept
 */
public record RoundPlan(
        Contender contender,
        String label,
        int processes,
        int workers,
        int slots,
        int pools,
        int holdMillis,
        List<String> options,
        Optional<Supplier<Study>> study) {
    /** What a server's JVM has: both compilers. */
    private static final List<String> USUAL = List.of("-Xmx512m", "-XX:TieredStopAtLevel=4");

    /** For rounds that are over before the second compiler is done: the first one's code is there at once. */
    private static final List<String> SHORT = List.of("-Xmx512m", "-XX:TieredStopAtLevel=1");

    /** A round without a study, on one pool, whose slots are given back at once. */
    public static RoundPlan of(Contender contender, int processes, int workers, int slots) {
        return new RoundPlan(contender, contender.title(), processes, workers, slots, 1, 0, USUAL, Optional.empty());
    }

    public RoundPlan labelled(String text) {
        return new RoundPlan(contender, text, processes, workers, slots, pools, holdMillis, options, study);
    }

    public RoundPlan onPools(int count) {
        return new RoundPlan(contender, label, processes, workers, slots, count, holdMillis, options, study);
    }

    public RoundPlan holding(int millis) {
        return new RoundPlan(contender, label, processes, workers, slots, pools, millis, options, study);
    }

    public RoundPlan withOptions(String... jvm) {
        return new RoundPlan(contender, label, processes, workers, slots, pools, holdMillis, List.of(jvm), study);
    }

    /** For a round of seconds. */
    public RoundPlan compiledOnce() {
        return withOptions(SHORT.toArray(String[]::new));
    }

    public RoundPlan studiedBy(Supplier<Study> maker) {
        return new RoundPlan(
                contender, label, processes, workers, slots, pools, holdMillis, options, Optional.of(maker));
    }

    public int allWorkers() {
        return processes * workers;
    }
}
