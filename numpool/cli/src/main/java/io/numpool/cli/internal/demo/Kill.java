package io.numpool.cli.internal.demo;

/** A process that was killed, and when: just before the signal was sent. */
record Kill(int worker, long nanos) {}
