package io.numpool.internal.store;

import java.util.List;
import java.util.UUID;

/** What a renewal answers: which of the session's pools are gone, which slots it is to give back. */
public record Renewed(List<Integer> gone, List<Evicted> evicted, UUID incarnation) {}
