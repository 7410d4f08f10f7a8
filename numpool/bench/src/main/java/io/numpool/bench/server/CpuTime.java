package io.numpool.bench.server;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * What a process and its descendants have used of the processors so far, in steps of the kernel's clock (10 ms, as a rule).
 *
 * @param byProcess each for itself
 */
public record CpuTime(Map<Long, Duration> byProcess) {
    static CpuTime of(long pid) {
        var root = ProcessHandle.of(pid).orElseThrow(() -> new IllegalStateException("No process " + pid));
        var used = new HashMap<Long, Duration>();
        note(root, used);
        root.descendants().forEach(process -> note(process, used));
        return new CpuTime(used);
    }

    /** What was used since, by those that run now. */
    public Duration since(CpuTime earlier) {
        return byProcess.entrySet().stream()
                .map(now -> now.getValue().minus(earlier.byProcess.getOrDefault(now.getKey(), Duration.ZERO)))
                .reduce(Duration.ZERO, Duration::plus);
    }

    private static void note(ProcessHandle process, Map<Long, Duration> used) {
        process.info().totalCpuDuration().ifPresent(time -> used.put(process.pid(), time));
    }
}
