package io.numpool.bench.round;

import io.numpool.bench.contender.Assignment;
import io.numpool.bench.order.Acquire;
import io.numpool.bench.report.Figure;
import io.numpool.bench.server.CpuTime;
import io.numpool.bench.server.Folders;
import io.numpool.bench.server.Place;
import io.numpool.bench.server.Servers;
import io.numpool.bench.tally.Sleep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One contender, once: starts its processes, tells them when the window is, and puts together what they answer. */
final class Round {
    /** Time for the word to reach all processes before their warm-up counts. */
    private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Processes that start at a time: each takes a processor for a second or more. */
    private static final int STARTING = Runtime.getRuntime().availableProcessors();

    private final RoundPlan plan;
    private final Timing timing;
    private final Servers servers;
    private final String name;

    Round(RoundPlan plan, Timing timing, Servers servers, String name) {
        this.plan = plan;
        this.timing = timing;
        this.servers = servers;
        this.name = name;
    }

    RoundResult run() throws Exception {
        var folder = Folders.create("round");
        var children = new ArrayList<ChildProcess>();
        try (var place = servers.newPlace(plan.contender().server());
                var study = plan.study().map(maker -> maker.get()).orElse(NONE)) {
            plan.contender().setUp(assignment(0, place, folder));
            start(children, place, folder);
            study.ready(new Stage(name, place.address()));
            var serverNanos = watch(children, study);
            var results = children.stream().map(ChildProcess::awaitResult).toList();
            children.forEach(ChildProcess::awaitEnd);
            return RoundResult.of(plan, timing.seconds(), results, serverNanos, study.conclude(acquires(folder)));
        } finally {
            children.forEach(ChildProcess::close);
            Folders.delete(folder);
        }
    }

    private void start(List<ChildProcess> children, Place place, Path folder) {
        for (var i = 0; i < plan.processes(); i++) {
            children.add(ChildProcess.start(assignment(i, place, folder), plan.options()));
            if (i >= STARTING) {
                children.get(i - STARTING).awaitReady();
            }
        }
        children.forEach(ChildProcess::awaitReady);
    }

    private Assignment assignment(int process, Place place, Path folder) {
        return new Assignment(
                plan.contender(),
                name,
                process,
                plan.workers(),
                plan.slots(),
                plan.pools(),
                plan.holdMillis(),
                place.address(),
                plan.study().isPresent() ? momentsOf(folder, process).toString() : null);
    }

    /** The server's processor time in the window, in nanoseconds: in proportion when the looks at it were late. */
    private long watch(List<ChildProcess> children, Study study) {
        var begin = System.nanoTime() + LEAD_NANOS + TimeUnit.SECONDS.toNanos(timing.warmUpSeconds());
        var length = TimeUnit.SECONDS.toNanos(timing.seconds());
        children.forEach(child -> child.go(begin, begin + length));
        Sleep.until(begin);
        var lookedAt = System.nanoTime();
        var before = serverTime();
        study.begin();
        Sleep.until(begin + length / 2);
        study.halfway();
        Sleep.until(begin + length);
        var looked = System.nanoTime() - lookedAt;
        var used = serverTime().since(before);
        study.end();
        return Math.round(used.toNanos() * ((double) length / looked));
    }

    private CpuTime serverTime() {
        return servers.cpuTime(plan.contender().server());
    }

    private List<Acquire> acquires(Path folder) throws IOException {
        var all = new ArrayList<Acquire>();
        if (plan.study().isPresent()) {
            for (var i = 0; i < plan.processes(); i++) {
                all.addAll(Acquire.read(momentsOf(folder, i), i));
            }
        }
        return all;
    }

    private static Path momentsOf(Path folder, int process) {
        return folder.resolve("moments-" + process);
    }

    private static final Study NONE = new Study() {
        @Override
        public Map<Figure, Double> conclude(List<Acquire> acquires) {
            return Map.of();
        }
    };
}
