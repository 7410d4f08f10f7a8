package io.numpool.internal.store;

/** A deleted pool whose slots are not all back, and the longest TTL among those who may hold them. */
public record Doomed(int pool, int ttlMillis) {}
