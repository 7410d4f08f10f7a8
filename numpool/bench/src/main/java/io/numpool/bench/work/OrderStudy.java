package io.numpool.bench.work;

import io.numpool.bench.BenchException;
import io.numpool.bench.order.Acquire;
import io.numpool.bench.order.Histories;
import io.numpool.bench.order.Overtaken;
import io.numpool.bench.report.Figure;
import io.numpool.bench.round.Study;
import io.numpool.testkit.Violation;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Who was served before whom. Where there are tickets, promises are kept or the run fails: a fast pool that breaks one is not fast. */
final class OrderStudy implements Study {
    private static final int SHOWN = 10;

    private final boolean hasTickets;

    OrderStudy(boolean hasTickets) {
        this.hasTickets = hasTickets;
    }

    @Override
    public Map<Figure, Double> conclude(List<Acquire> acquires) {
        var figures = new EnumMap<Figure, Double>(Figure.class);
        figures.put(Figure.OVERTAKEN_SHARE, (double) Overtaken.count(acquires) / Math.max(1, acquires.size()));
        if (hasTickets) {
            figures.putAll(byTicket(acquires));
        }
        return figures;
    }

    private static Map<Figure, Double> byTicket(List<Acquire> acquires) {
        var verdict = Histories.check("bench", acquires);
        if (!verdict.violations().isEmpty()) {
            var first = verdict.violations().stream()
                    .limit(SHOWN)
                    .map(Violation::toString)
                    .toList();
            throw new BenchException("numpool broke its promises %d times in %d grants:\n%s"
                    .formatted(verdict.violations().size(), verdict.grants(), String.join("\n", first)));
        }
        return Map.of(
                Figure.OVERTAKES_BY_TICKET, (double) verdict.count(Violation.Rule.OVERTAKE),
                Figure.DOUBLE_GRANTS, (double) verdict.count(Violation.Rule.DOUBLE_GRANT));
    }
}
