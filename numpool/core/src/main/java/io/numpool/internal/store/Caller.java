package io.numpool.internal.store;

/** The session that makes a call which changes something, and its epoch: a call of an older one does nothing. */
public record Caller(long session, long epoch) {}
