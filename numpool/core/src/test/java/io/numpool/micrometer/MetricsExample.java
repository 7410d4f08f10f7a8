package io.numpool.micrometer;

import io.micrometer.core.instrument.MeterRegistry;
import io.numpool.NumpoolAsync;
import io.numpool.NumpoolOptions;
import java.util.function.Consumer;
import javax.sql.DataSource;

/** README's example. */
final class MetricsExample {
    private MetricsExample() {}

    static void run(DataSource dataSource, MeterRegistry registry, Consumer<NumpoolAsync> work) {
        var options = NumpoolOptions.builder().name("billing").build();
        try (var numpool = NumpoolAsync.open(dataSource, options);
                var metrics = new NumpoolMetrics(numpool)) {
            metrics.bindTo(registry);
            work.accept(numpool);
        }
    }
}
