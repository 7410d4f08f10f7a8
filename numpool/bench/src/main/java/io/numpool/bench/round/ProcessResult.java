package io.numpool.bench.round;

import io.numpool.bench.report.Figure;
import io.numpool.bench.tally.ProcessMeter;
import java.util.Map;

/**
 * What one process tells at the end of a round.
 *
 * @param pairs that it has done in the window
 * @param waits until its grants in the window, as {@link io.numpool.bench.tally.Waits#encoded} writes them
 * @param used by the process for pairs in the window
 * @param figures what the contender itself has seen
 */
public record ProcessResult(long pairs, String waits, ProcessMeter.Used used, Map<Figure, Double> figures) {}
