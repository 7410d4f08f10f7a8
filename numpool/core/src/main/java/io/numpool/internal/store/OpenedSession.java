package io.numpool.internal.store;

/** A new session, and the channel that its process listens on. */
public record OpenedSession(long id, String channel) {}
