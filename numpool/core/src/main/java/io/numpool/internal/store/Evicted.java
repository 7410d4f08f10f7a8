package io.numpool.internal.store;

/** A slot that its session is to give back, by the token under which it has it. */
public record Evicted(long session, int pool, int slot, long token) {}
