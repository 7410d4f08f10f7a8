package io.numpool.micrometer

import io.kotest.assertions.withClue
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldContainExactlyInAnyOrder
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.StageSpec
import java.nio.file.Path
import kotlin.io.path.readText

class ReadmeTest :
    StageSpec({
        val metrics =
            Path
                .of("../../README.md")
                .readText()
                .substringAfter("\n## Metrics\n")
                .substringBefore("\n## ")

        test("README's examples of metrics are those that are compiled here") {
            for ((language, extension) in listOf("kotlin" to "kt", "java" to "java")) {
                val example = words(metrics.substringAfter("```$language\n").substringBefore("```"))
                val compiled = words(Path.of("src/test/$language/io/numpool/micrometer/MetricsExample.$extension").readText())
                withClue(language) { compiled shouldContain example }
            }
        }

        test("README's example in Kotlin runs") {
            val registry = prometheus()
            metricsExample(stage.hikari(), registry) { numpool ->
                numpool.pool("readme", 1).withResource { }
                registry.now().shouldShow(1.0) { of("hold_seconds_count", "billing", "readme") }
            }
            registry.now().series.shouldBeEmpty()
        }

        test("README's example in Java runs") {
            val registry = prometheus()
            MetricsExample.run(stage.hikari(), registry) { numpool ->
                numpool
                    .pool("readme", 1)
                    .join()
                    .withResource { it.index() }
                    .join() shouldBe 0
                registry.now().shouldShow(1.0) { of("hold_seconds_count", "billing", "readme") }
            }
            registry.now().series.shouldBeEmpty()
        }

        test("README's table has each meter, with its type, unit and tags") {
            val registry = prometheus()
            stage.client { name = "table" }.let { client ->
                NumpoolMetrics(client).bindTo(registry)
                client.pool("table", 1)
            }
            val table =
                metrics.lines().filter { it.startsWith("| `numpool.") }.map { line ->
                    line.split('|').map { it.trim() }.subList(1, 5)
                }
            val meters =
                registry.meters.map { meter ->
                    val id = meter.id
                    listOf("`${id.name}`", id.type.name.lowercase(), id.tags.joinToString { it.key }, id.baseUnit.orEmpty())
                }
            table shouldContainExactlyInAnyOrder meters
        }
    })

/** Without comments, and however it is laid out. */
private fun words(code: String) =
    code
        .lines()
        .joinToString(" ") { it.substringBefore(" // ") }
        .trim()
        .replace(Regex("\\s+"), " ")
