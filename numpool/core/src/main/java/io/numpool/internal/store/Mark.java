package io.numpool.internal.store;

/** An eviction that a reaper has to see to, a TTL of the holder's after it first saw it. */
public record Mark(int pool, int slot, long number, int ttlMillis) {}
