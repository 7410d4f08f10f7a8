package io.numpool.micrometer

import io.kotest.assertions.withClue
import io.kotest.matchers.shouldBe
import io.micrometer.prometheusmetrics.PrometheusConfig
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry
import io.numpool.await

internal fun prometheus() = PrometheusMeterRegistry(PrometheusConfig.DEFAULT)

/** What Prometheus is given: series such as `numpool_lost_slots_total{client="a",pool="p"}`, with their figures. */
internal class Scrape(
    val text: String,
) {
    private val figures =
        text
            .lines()
            .filter { it.startsWith("numpool_") }
            .associate { it.substringBeforeLast(' ') to it.substringAfterLast(' ').toDouble() }

    val series get() = figures.keys

    operator fun get(series: String): Double = figures[series] ?: throw AssertionError("no $series in\n$text")

    fun of(
        name: String,
        client: String,
        pool: String,
    ) = this["numpool_$name{client=\"$client\",pool=\"$pool\"}"]

    fun of(
        name: String,
        client: String,
    ) = this["numpool_$name{client=\"$client\"}"]

    /** Names of the gauges that a pool has, without their prefix. */
    fun gauges(
        client: String,
        pool: String,
    ) = series.filter { it.endsWith("{client=\"$client\",pool=\"$pool\"}") }.map { it.substringBefore('{') }.filter { it in GAUGES }
}

internal val GAUGES =
    listOf(
        "numpool_pool_capacity_slots",
        "numpool_pool_held_slots",
        "numpool_pool_waiting_requests",
        "numpool_client_held_slots",
        "numpool_client_waiting_requests",
    )

internal fun PrometheusMeterRegistry.now() = Scrape(scrape())

/** Waits until a figure is as wanted: it follows what it counts by a moment. */
internal suspend fun PrometheusMeterRegistry.awaitFigure(
    wanted: Double,
    read: Scrape.() -> Double,
) = await("a figure of $wanted", { now().read() }) { it == wanted }

internal fun Scrape.shouldShow(
    wanted: Double,
    read: Scrape.() -> Double,
) = withClue(text) { read() shouldBe wanted }
