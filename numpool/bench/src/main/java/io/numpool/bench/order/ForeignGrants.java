package io.numpool.bench.order;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Grants that a release in another process made: those are the ones of which a client has to be told. */
public final class ForeignGrants {
    private ForeignGrants() {}

    /**
     * Finds them.
     *
     * @param acquires of one pool with slots and tokens, in any order
     * @return the tokens of those that waited when another process gave their slot back
     */
    public static Set<Long> tokens(List<Acquire> acquires) {
        var byToken = acquires.stream()
                .sorted(Comparator.comparingLong(Acquire::token))
                .toList();
        var lastOfSlot = new HashMap<Integer, Acquire>();
        var tokens = new HashSet<Long>();
        for (var acquire : byToken) {
            var before = lastOfSlot.put(acquire.slot(), acquire);
            if (before != null && before.process() != acquire.process() && acquire.asked() < before.released()) {
                tokens.add(acquire.token());
            }
        }
        return tokens;
    }
}
