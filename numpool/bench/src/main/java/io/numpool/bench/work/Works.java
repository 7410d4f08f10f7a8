package io.numpool.bench.work;

import static io.numpool.bench.contender.Contender.ADVISORY_LOCK;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_POOLS;
import static io.numpool.bench.contender.Contender.BARE_EXCHANGE_QUEUED;
import static io.numpool.bench.contender.Contender.CURATOR;
import static io.numpool.bench.contender.Contender.NOTIFY_HOP;
import static io.numpool.bench.contender.Contender.NUMPOOL;
import static io.numpool.bench.contender.Contender.NUMPOOL_CROWD;
import static io.numpool.bench.contender.Contender.NUMPOOL_WAITERS;
import static io.numpool.bench.contender.Contender.REDISSON;
import static io.numpool.bench.contender.Contender.REDISSON_ASYNC;
import static io.numpool.bench.contender.Contender.REDISSON_FAIR;
import static io.numpool.bench.contender.Contender.ROW_LOCK;

import io.numpool.NumpoolOptions;
import io.numpool.bench.contender.Contender;
import io.numpool.bench.round.RoundPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** All works. Those with numbers in their names are processes x workers of each - slots. */
public final class Works {
    public static final String HAND_OVER = "hand-over";
    public static final String MANY_POOLS = "1000-pools";
    public static final String MANY_WAITING = "10000-waiting";
    public static final String MANY_PROCESSES = "100-processes";

    /** Of those that compete for slots, the two whose waits are drawn. */
    public static final List<String> DRAWN = List.of("1x64-4", "4x16-4");

    public static final int MANY = 10_000;
    public static final int FEW = 100;
    public static final int PROCESSES = 100;

    private static final int POOLS = 1000;
    private static final int HAND_OVER_MILLIS = 3;
    private static final int CROWD_MILLIS = 50;
    private static final int SHARED_SLOTS = 4;

    /** Who does every work that is processes x workers - slots. */
    private static final List<Contender> PEERS =
            List.of(NUMPOOL, REDISSON, REDISSON_ASYNC, CURATOR, ADVISORY_LOCK, ROW_LOCK);

    private Works() {}

    /** In the order of the report. */
    public static List<Work> all() {
        return List.of(
                plain(1),
                plain(8),
                plain(64),
                plain(256),
                contended(1, 64, 4, BARE_EXCHANGE_QUEUED),
                contended(4, 16, 4),
                contended(1, 64, 1, REDISSON_FAIR),
                handOver(),
                manyPools(),
                manyWaiting(),
                manyProcesses());
    }

    /** A minute's worth of it, for CI. */
    public static List<Work> quick() {
        return List.of(
                plain(1).only(Set.of(NUMPOOL, BARE_EXCHANGE)).quick(),
                plain(64).only(Set.of(NUMPOOL, REDISSON_ASYNC, BARE_EXCHANGE)).quick(),
                contended(1, 64, 4, BARE_EXCHANGE_QUEUED)
                        .only(Set.of(NUMPOOL, REDISSON, REDISSON_ASYNC, BARE_EXCHANGE_QUEUED))
                        .quick());
    }

    /** As many slots as anybody needs, or nearly so. */
    private static Work plain(int workers) {
        var plans = new ArrayList<RoundPlan>();
        PEERS.forEach(peer -> plans.add(RoundPlan.of(peer, 1, workers, 64)));
        plans.add(RoundPlan.of(BARE_EXCHANGE, 1, workers, workers).labelled("bare exchange, batch " + workers));
        return new Work(
                "1x" + workers + "-64",
                "one process, " + workers + (workers == 1 ? " worker" : " workers") + ", 64 slots",
                plans);
    }

    /** More workers than slots: who is first, and how long do they wait? */
    private static Work contended(int processes, int workers, int slots, Contender... others) {
        var plans = Stream.concat(PEERS.stream(), Stream.of(others))
                .map(peer -> RoundPlan.of(peer, processes, workers, slots))
                .map(plan -> plan.contender() == BARE_EXCHANGE_QUEUED
                        ? plan
                        : plan.studiedBy(() -> new OrderStudy(plan.contender() == NUMPOOL)))
                .toList();
        return new Work(
                processes + "x" + workers + "-" + slots,
                (processes == 1 ? "one process, " : processes + " processes, each with ") + workers + " workers, "
                        + slots + (slots == 1 ? " slot" : " slots"),
                plans);
    }

    private static Work handOver() {
        var plans = new ArrayList<RoundPlan>();
        for (var peer : List.of(NUMPOOL, REDISSON, REDISSON_ASYNC, CURATOR, ROW_LOCK)) {
            plans.add(RoundPlan.of(peer, 2, 1, 1).holding(HAND_OVER_MILLIS).studiedBy(HandOverStudy::new));
        }
        plans.add(RoundPlan.of(BARE_EXCHANGE, 1, 1, 1).labelled("bare exchange, batch 1"));
        plans.add(RoundPlan.of(NOTIFY_HOP, 1, 1, 1));
        return new Work(
                HAND_OVER,
                "two processes, one worker each, 1 slot, held for " + HAND_OVER_MILLIS
                        + " ms: from just before the release in one process to just after the grant in the other."
                        + " System.nanoTime is one clock for all processes of a Linux machine",
                plans);
    }

    private static Work manyPools() {
        var connections = NumpoolOptions.defaults().getStoreConnections();
        return new Work(
                MANY_POOLS,
                "one process, 1,000 pools of one slot, a worker on each; " + connections + " connections",
                List.of(
                        RoundPlan.of(NUMPOOL, 1, POOLS, 1).onPools(POOLS),
                        RoundPlan.of(BARE_EXCHANGE_POOLS, 1, connections, 1).onPools(POOLS)));
    }

    private static Work manyWaiting() {
        return new Work(
                MANY_WAITING,
                "one process, one slot, 10,000 acquires that wait all the time, and the same with 100: who is served asks again",
                List.of(
                        RoundPlan.of(NUMPOOL_WAITERS, 1, MANY, 1).labelled("numpool, 10,000 waiting"),
                        RoundPlan.of(NUMPOOL_WAITERS, 1, FEW, 1).labelled("numpool, 100 waiting")));
    }

    private static Work manyProcesses() {
        return new Work(
                MANY_PROCESSES,
                "100 processes, each with a worker on a pool of its own with one slot and a worker on a pool of 4 slots that all share; slots"
                        + " are held for " + CROWD_MILLIS + " ms. Figures of pairs are of both kinds of pools together",
                List.of(RoundPlan.of(NUMPOOL_CROWD, PROCESSES, 2, SHARED_SLOTS)
                        .holding(CROWD_MILLIS)
                        .withOptions("-Xmx64m", "-Xss256k", "-XX:TieredStopAtLevel=1")
                        .studiedBy(CrowdStudy::new)),
                1);
    }
}
