package io.numpool.bench.report;

/**
 * What was to be reached, and whether it was.
 *
 * @param work its name
 * @param aim in words
 * @param measured in words; null when it was not
 * @param holds null when it was not measured
 */
public record AimResult(String work, String aim, String measured, Boolean holds) {}
