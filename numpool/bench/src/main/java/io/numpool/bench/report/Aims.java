package io.numpool.bench.report;

import static io.numpool.bench.contender.Contender.BARE_EXCHANGE;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_POOLS;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_QUEUED;
import static io.numpool.bench.contender.Contender.NOTIFY_HOP;
import static io.numpool.bench.contender.Contender.NUMPOOL;
import static io.numpool.bench.contender.Contender.NUMPOOL_CROWD;
import static io.numpool.bench.contender.Contender.NUMPOOL_WAITERS;
import static io.numpool.bench.report.Figure.CORRECTED_P99_MICROS;
import static io.numpool.bench.report.Figure.PAIRS_PER_SECOND;
import static io.numpool.bench.report.Figure.WAIT_P50_MICROS;
import static io.numpool.bench.report.Measured.ratio;
import static io.numpool.bench.report.Measured.sum;

import io.numpool.bench.work.Works;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** What numpool is to reach, each by the median of its repetitions. */
public final class Aims {
    private static final double BYTES_PER_MEGABYTE = 1e6;

    /** A grant may be told of while another is being: then one notification is for both. More than this is more than one each. */
    private static final double ONE = 1.05;

    private final Measured measured;
    private final List<AimResult> results = new ArrayList<>();

    private Aims(List<WorkReport> works) {
        measured = new Measured(works);
    }

    /**
     * Looks at all of them.
     *
     * @param works what was measured, perhaps not all
     * @return one result each
     */
    public static List<AimResult> judge(List<WorkReport> works) {
        var aims = new Aims(works);
        aims.throughput();
        aims.contended();
        aims.handOver();
        aims.many();
        return List.copyOf(aims.results);
    }

    private void throughput() {
        shareOf("1x1-64", "bare exchange", measured.of("1x1-64", BARE_EXCHANGE, PAIRS_PER_SECOND), 0.8);
        pairs("1x8-64", 12_000);
        pairs("1x64-64", 40_000);
        timesRedisson("1x64-64", 2.5);
        pairs("1x256-64", 40_000);
        timesRedisson("1x256-64", 5);
    }

    private void contended() {
        shareOf(
                "1x64-4",
                "a bare exchange with the same rows",
                measured.of("1x64-4", BARE_EXCHANGE_QUEUED, PAIRS_PER_SECOND),
                0.4);
        timesRedisson("1x64-4", 5);
        fifthOfRedissonsWait("1x64-4");
        noOvertakes("1x64-4");
        pairs("4x16-4", 2_500);
        fifthOfRedissonsWait("4x16-4");
        noOvertakes("4x16-4");
    }

    private void handOver() {
        var work = Works.HAND_OVER;
        var parts =
                sum(measured.of(work, BARE_EXCHANGE, WAIT_P50_MICROS), measured.of(work, NOTIFY_HOP, WAIT_P50_MICROS));
        atMost(
                work,
                "p50 ≤ 1.5 × (one bare exchange + one bare NOTIFY hop)",
                ratio(measured.of(work, NUMPOOL, Figure.HAND_OVER_P50_MICROS), parts),
                1.5,
                "%.2f ×");
    }

    private void many() {
        shareOf(
                Works.MANY_POOLS,
                "bare exchange over random pools on as many connections",
                measured.of(Works.MANY_POOLS, BARE_EXCHANGE_POOLS, PAIRS_PER_SECOND),
                0.7);
        var waiting = Works.MANY_WAITING;
        var heap = measured.of(waiting, NUMPOOL_WAITERS, Works.MANY, Figure.HEAP_BYTES);
        below(waiting, "heap < 100 MB", ratio(heap, OptionalDouble.of(BYTES_PER_MEGABYTE)), 100, "%.1f MB");
        var withMany = measured.of(waiting, NUMPOOL_WAITERS, Works.MANY, PAIRS_PER_SECOND);
        var withFew = measured.of(waiting, NUMPOOL_WAITERS, Works.FEW, PAIRS_PER_SECOND);
        atMost(waiting, "time per grant ≤ 1.2 × that with 100 waiting", ratio(withFew, withMany), 1.2, "%.2f ×");

        var processes = Works.MANY_PROCESSES;
        var allowed = measured.of(processes, NUMPOOL_CROWD, Figure.CONNECTIONS_ALLOWED);
        atMost(
                processes,
                "server connections ≤ processes × (pool size + 1)",
                measured.of(processes, NUMPOOL_CROWD, Figure.CONNECTIONS),
                allowed.orElse(0),
                "%.0f of " + Math.round(allowed.orElse(0)));
        atMost(
                processes,
                "one wake-up per grant by another process",
                measured.of(processes, NUMPOOL_CROWD, Figure.WAKE_UPS_PER_GRANT),
                ONE,
                "%.3f");
    }

    private void pairs(String work, double least) {
        atLeast(work, "≥ " + Texts.count(least) + " pairs/s", measured.numpoolPairs(work), least, "%,.0f pairs/s");
    }

    private void shareOf(String work, String what, OptionalDouble limit, double least) {
        atLeast(
                work,
                "≥ " + Texts.plain(least) + " of " + what,
                ratio(measured.numpoolPairs(work), limit),
                least,
                "%.2f");
    }

    private void timesRedisson(String work, double least) {
        var times = ratio(measured.numpoolPairs(work), measured.redissonPairs(work));
        atLeast(work, "≥ " + Texts.plain(least) + " × Redisson", times, least, "%.2f ×");
    }

    private void fifthOfRedissonsWait(String work) {
        var share = ratio(measured.of(work, NUMPOOL, CORRECTED_P99_MICROS), measured.redissonP99(work));
        atMost(work, "p99 ≤ 1/5 of Redisson's", share, 0.2, "%.3f");
    }

    private void noOvertakes(String work) {
        atMost(work, "0 overtakes, by tickets", measured.of(work, NUMPOOL, Figure.OVERTAKES_BY_TICKET), 0, "%.0f");
    }

    private void atLeast(String work, String aim, OptionalDouble value, double bound, String format) {
        add(work, aim, value, value.orElse(0) >= bound, format);
    }

    private void atMost(String work, String aim, OptionalDouble value, double bound, String format) {
        add(work, aim, value, value.orElse(0) <= bound, format);
    }

    private void below(String work, String aim, OptionalDouble value, double bound, String format) {
        add(work, aim, value, value.orElse(0) < bound, format);
    }

    private void add(String work, String aim, OptionalDouble value, boolean holds, String format) {
        results.add(
                value.isPresent()
                        ? new AimResult(work, aim, Texts.format(format, value.getAsDouble()), holds)
                        : new AimResult(work, aim, null, null));
    }
}
