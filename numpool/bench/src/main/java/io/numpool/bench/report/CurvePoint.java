package io.numpool.bench.report;

/**
 * One point of how waits are distributed: all repetitions together, corrected for stalls.
 *
 * @param percentile from 0 to 100
 * @param micros at most so long
 */
public record CurvePoint(double percentile, double micros) {}
