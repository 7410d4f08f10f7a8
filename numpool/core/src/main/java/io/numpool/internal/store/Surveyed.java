package io.numpool.internal.store;

import java.util.List;
import java.util.UUID;

/**
 * A session as a reaper sees it. {@code overdue}: by the database's clock it has not renewed itself for ten TTLs; {@code incarnation}: which
 * life of the server says so.
 */
public record Surveyed(
        long id,
        boolean attached,
        long attachNumber,
        UUID beat,
        boolean detached,
        boolean dead,
        boolean overdue,
        int ttlMillis,
        int graceMillis,
        List<Integer> pools,
        UUID incarnation) {}
