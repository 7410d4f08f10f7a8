package io.numpool.bench.report;

import static io.numpool.bench.contender.Contender.BARE_EXCHANGE;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_POOLS;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_QUEUED;
import static io.numpool.bench.contender.Contender.NOTIFY_HOP;
import static io.numpool.bench.contender.Contender.NUMPOOL;
import static io.numpool.bench.contender.Contender.NUMPOOL_WAITERS;
import static io.numpool.bench.report.Measured.ratio;
import static io.numpool.bench.report.Measured.sum;

import io.numpool.bench.work.Works;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * How numpool does beside another in one run. Another machine, or a busy one, changes both; so ratios of two runs can be compared, figures can
 * not.
 *
 * @param name of what is compared
 * @param value the greater, the better for numpool
 */
public record Ratio(String name, double value) {
    private static final List<String> CONTENDED = List.of("1x64-4", "4x16-4", "1x64-1");

    /** All that a report has figures for. */
    public static List<Ratio> of(Report report) {
        var measured = new Measured(report.works());
        var ratios = new ArrayList<Ratio>();
        for (var work : report.works()) {
            addPairs(work.name(), measured, ratios);
        }
        for (var work : CONTENDED) {
            var p99 = measured.of(work, NUMPOOL, Figure.CORRECTED_P99_MICROS);
            add(work + ", p99: Redisson / numpool", ratio(measured.redissonP99(work), p99), ratios);
        }
        addHandOver(measured, ratios);
        var many = measured.of(Works.MANY_WAITING, NUMPOOL_WAITERS, Works.MANY, Figure.PAIRS_PER_SECOND);
        var few = measured.of(Works.MANY_WAITING, NUMPOOL_WAITERS, Works.FEW, Figure.PAIRS_PER_SECOND);
        add(Works.MANY_WAITING + ", pairs/s: 10,000 / 100 waiting", ratio(many, few), ratios);
        return ratios;
    }

    private static void addPairs(String work, Measured measured, List<Ratio> ratios) {
        var numpool = measured.numpoolPairs(work);
        for (var bare : List.of(BARE_EXCHANGE, BARE_EXCHANGE_QUEUED, BARE_EXCHANGE_POOLS)) {
            var limit = measured.of(work, bare, Figure.PAIRS_PER_SECOND);
            if (!work.equals(Works.HAND_OVER)) { // where slots are held, and the bare call's are not
                add(work + ", pairs/s: numpool / " + bare.title(), ratio(numpool, limit), ratios);
            }
        }
        add(work + ", pairs/s: numpool / Redisson", ratio(numpool, measured.redissonPairs(work)), ratios);
    }

    private static void addHandOver(Measured measured, List<Ratio> ratios) {
        var work = Works.HAND_OVER;
        var parts = sum(
                measured.of(work, BARE_EXCHANGE, Figure.WAIT_P50_MICROS),
                measured.of(work, NOTIFY_HOP, Figure.WAIT_P50_MICROS));
        var whole = measured.of(work, NUMPOOL, Figure.HAND_OVER_P50_MICROS);
        add(work + ", p50: bare exchange + NOTIFY hop / numpool", ratio(parts, whole), ratios);
    }

    private static void add(String name, OptionalDouble value, List<Ratio> ratios) {
        if (value.isPresent()) {
            ratios.add(new Ratio(name, value.getAsDouble()));
        }
    }
}
