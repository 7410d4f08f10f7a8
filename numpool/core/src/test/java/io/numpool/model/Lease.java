package io.numpool.model;

/** A held slot. Its token is its ticket. */
record Lease(int slot, int ticket, int session, int request, boolean isNamed) {}
