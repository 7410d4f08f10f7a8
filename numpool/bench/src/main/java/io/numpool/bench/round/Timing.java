package io.numpool.bench.round;

/**
 * How long, and how often.
 *
 * @param warmUpSeconds before anything counts, in each round
 * @param seconds that count, in each round
 * @param repetitions of each round
 */
public record Timing(int warmUpSeconds, int seconds, int repetitions) {}
