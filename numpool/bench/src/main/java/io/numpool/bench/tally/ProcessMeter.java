package io.numpool.bench.tally;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * What this process uses while it makes pairs, between two moments. On a busy machine they may come late: so the pairs are those between these
 * moments, too. What was allocated by threads that ended in between is not seen.
 */
public final class ProcessMeter {
    /**
     * What was used.
     *
     * @param pairs that were made meanwhile
     * @param cpuNanos of processor time, by all threads
     * @param allocatedBytes on the heap
     */
    public record Used(long pairs, long cpuNanos, long allocatedBytes) {}

    private final OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private final ThreadMXBean threads = ManagementFactory.getPlatformMXBean(ThreadMXBean.class);
    private final LongAdder pairs;
    private final long pairsBefore;
    private final long cpuBefore;
    private final Map<Long, Long> allocatedBefore;

    private ProcessMeter(LongAdder pairs) {
        this.pairs = pairs;
        pairsBefore = pairs.sum();
        cpuBefore = process.getProcessCpuTime();
        allocatedBefore = allocated();
    }

    /**
     * Begins.
     *
     * @param pairs as they are counted
     */
    public static ProcessMeter start(LongAdder pairs) {
        return new ProcessMeter(pairs);
    }

    public Used stop() {
        var made = pairs.sum() - pairsBefore;
        var cpu = process.getProcessCpuTime() - cpuBefore;
        var bytes = 0L;
        for (var now : allocated().entrySet()) {
            bytes += now.getValue() - allocatedBefore.getOrDefault(now.getKey(), 0L);
        }
        return new Used(made, cpu, bytes);
    }

    private Map<Long, Long> allocated() {
        var ids = threads.getAllThreadIds();
        var bytes = threads.getThreadAllocatedBytes(ids);
        var byThread = new HashMap<Long, Long>();
        for (var i = 0; i < ids.length; i++) {
            if (bytes[i] >= 0) { // else it has just ended
                byThread.put(ids[i], bytes[i]);
            }
        }
        return byThread;
    }
}
