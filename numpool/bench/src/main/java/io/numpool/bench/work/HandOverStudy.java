package io.numpool.bench.work;

import io.numpool.bench.order.Acquire;
import io.numpool.bench.order.HandOvers;
import io.numpool.bench.report.Figure;
import io.numpool.bench.round.Study;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** How long a slot is on its way from one process to another. */
final class HandOverStudy implements Study {
    @Override
    public Map<Figure, Double> conclude(List<Acquire> acquires) {
        var handOvers = HandOvers.of(acquires);
        var figures = new EnumMap<Figure, Double>(Figure.class);
        figures.put(Figure.HAND_OVER_SHARE, handOvers.share());
        if (handOvers.share() > 0) { // it may be that one process takes the slot again and again
            figures.put(Figure.HAND_OVER_P50_MICROS, handOvers.percentile(50) / 1e3);
            figures.put(Figure.HAND_OVER_P99_MICROS, handOvers.percentile(99) / 1e3);
        }
        return figures;
    }
}
