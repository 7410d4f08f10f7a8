package io.numpool.model;

import java.util.EnumSet;
import java.util.Set;

/**
 * How far an exploration goes.
 *
 * @param clients processes, 1 to 4
 * @param slots of the pool
 * @param requests in all
 * @param budget how many faults may happen in one run
 * @param faults which
 * @param handOver whether clients pass slots on in memory
 * @param without the rule that is left out, if any
 */
record Bounds(
        int clients, int slots, int requests, int budget, Set<Fault> faults, boolean handOver, Set<Rule> without) {
    static Bounds of(int clients, int slots, int requests, int budget, Fault... faults) {
        var which = EnumSet.noneOf(Fault.class);
        which.addAll(Set.of(faults));
        return new Bounds(clients, slots, requests, budget, which, true, EnumSet.noneOf(Rule.class));
    }

    Bounds without(Rule rule) {
        return new Bounds(clients, slots, requests, budget, faults, handOver, EnumSet.of(rule));
    }

    Bounds withoutHandOver() {
        return new Bounds(clients, slots, requests, budget, faults, false, without);
    }

    /** A lost one is followed by another. */
    int sessions() {
        return clients + budget;
    }
}
