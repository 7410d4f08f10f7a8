package io.numpool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.numpool.micrometer.NumpoolMetrics;
import io.numpool.testkit.Signals;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class NumpoolMetricsAsyncTest extends FacadeTest {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    @Test
    @DisplayName("the meters of a client for Java are there while its metrics are open")
    void metersOfAClient() {
        var numpool = client();
        try (var metrics = new NumpoolMetrics(numpool)) {
            metrics.bindTo(registry);
            var pool = get(numpool.pool("java", 2));
            get(pool.withResource(ResourceAsync::index));
            var tags = Tags.of("client", numpool.name(), "pool", "java");
            var wait = registry.get("numpool.wait").tags(tags).timer();
            assertEquals(1, wait.count());
            assertEquals(
                    wait.totalTime(TimeUnit.NANOSECONDS),
                    wait.max(TimeUnit.NANOSECONDS),
                    wait.totalTime(TimeUnit.NANOSECONDS) / 1000);
            assertEquals(1, registry.get("numpool.hold").tags(tags).timer().count());
            assertEquals(
                    2.0,
                    registry.get("numpool.pool.capacity").tags(tags).gauge().value());
        }
        assertNull(registry.find("numpool.wait").timer());
    }

    @Test
    @DisplayName("tags are added, and one called client replaces the name")
    void tags() {
        var numpool = client();
        new NumpoolMetrics(numpool, Tags.of("client", "mine", "region", "eu")).bindTo(registry);
        assertEquals(
                0.0,
                registry.get("numpool.reconnects")
                        .tags("client", "mine", "region", "eu")
                        .counter()
                        .count());
    }

    @Test
    @DisplayName("a listener that comes late is told of the pools in use, and nothing after it was removed")
    void listeners() {
        var numpool = client();
        var pool = get(numpool.pool("heard", 3));
        var told = new Signals<String>("told");
        var listener = new NumpoolListener() {
            @Override
            public void joined(PoolUse use) {
                told.send("joined " + use.getPool() + " " + use.getCapacity());
            }

            @Override
            public void left(PoolUse use) {
                told.send("left " + use.getPool());
            }

            @Override
            public void closed() {
                told.send("closed");
            }
        };
        numpool.addListener(listener);
        numpool.addListener(listener);
        assertEquals("joined heard 3", told.next());
        assertEquals(0, told.pending().size());
        numpool.removeListener(listener);
        get(numpool.pool("unheard", 1));
        assertEquals(0, told.pending().size());
        numpool.addListener(listener);
        assertEquals("joined heard 3", told.next());
        assertEquals("joined unheard 1", told.next());
        pool.close();
        numpool.close();
        assertEquals("left heard", told.next());
        assertEquals("left unheard", told.next());
        assertEquals("closed", told.next());
        assertThrows(NumpoolClosedException.class, () -> numpool.addListener(listener));
    }
}
