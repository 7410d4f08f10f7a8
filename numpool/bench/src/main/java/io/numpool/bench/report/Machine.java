package io.numpool.bench.report;

import com.sun.management.OperatingSystemMXBean;
import com.zaxxer.hikari.HikariDataSource;
import io.numpool.bench.server.Jars;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.curator.framework.CuratorFramework;
import org.postgresql.PGConnection;
import org.redisson.Redisson;

/**
 * On what was measured: clients and servers share it.
 *
 * @param cores that the operating system shows
 * @param cpu as it names itself
 * @param memoryBytes in all
 * @param os with its version
 * @param jdk with its vendor
 * @param versions of servers and libraries
 * @param postgres settings, as it showed them
 */
public record Machine(
        int cores,
        String cpu,
        long memoryBytes,
        String os,
        String jdk,
        Map<String, String> versions,
        Map<String, String> postgres) {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Pattern MODEL = Pattern.compile("(?m)^model name\\s*:\\s*(.+)$");

    /** This one. */
    public static Machine here(Map<String, String> servers, Map<String, String> postgres) {
        var versions = new LinkedHashMap<>(servers);
        versions.put("pgjdbc", Jars.version(PGConnection.class));
        versions.put("HikariCP", Jars.version(HikariDataSource.class));
        versions.put("Redisson", Jars.version(Redisson.class));
        versions.put("Curator", Jars.version(CuratorFramework.class));
        return new Machine(
                Runtime.getRuntime().availableProcessors(),
                cpuModel(),
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize(),
                property("os.name") + " " + property("os.version") + " " + property("os.arch"),
                property("java.vm.name") + " " + property("java.runtime.version") + ", " + property("java.vendor"),
                versions,
                postgres);
    }

    private static String cpuModel() {
        try {
            if (!Files.exists(CPU_INFO)) {
                return "unknown";
            }
            var model = MODEL.matcher(Files.readString(CPU_INFO));
            return model.find() ? model.group(1).strip() : "unknown";
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static String property(String name) {
        return System.getProperty(name);
    }
}
