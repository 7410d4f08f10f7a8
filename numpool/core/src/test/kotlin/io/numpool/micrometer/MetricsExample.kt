package io.numpool.micrometer

import io.micrometer.core.instrument.MeterRegistry
import io.numpool.Numpool
import javax.sql.DataSource

/** README's example. */
internal suspend fun metricsExample(
    dataSource: DataSource,
    registry: MeterRegistry,
    serve: suspend (Numpool) -> Unit,
) {
    val numpool = Numpool.open(dataSource) { name = "billing" }
    val metrics = NumpoolMetrics(numpool)
    metrics.bindTo(registry)
    serve(numpool)
    metrics.close()
    numpool.shutdown()
}
