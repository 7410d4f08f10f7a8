package io.numpool.bench.round;

/**
 * Where a round happens.
 *
 * @param name of the round
 * @param address of its server
 */
public record Stage(String name, String address) {}
