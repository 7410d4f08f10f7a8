package io.numpool.internal.store;

import java.util.List;

/** What a repair did. {@code done} is false when another was at it. */
public record Repaired(boolean done, int freed, List<Notice> notices) {}
