package io.numpool.micrometer

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.collections.shouldNotBeEmpty
import io.kotest.matchers.shouldBe
import io.numpool.Numpool
import io.numpool.NumpoolAsync
import io.numpool.NumpoolListener
import io.numpool.NumpoolOptions
import io.numpool.PATIENCE
import io.numpool.PoolUse
import io.numpool.testkit.ChildJvm
import io.numpool.testkit.TestPostgres
import kotlinx.coroutines.runBlocking
import java.io.File
import kotlin.time.toJavaDuration

class WithoutMicrometerTest :
    FunSpec({
        test("in a JVM without Micrometer a client works, and only its metrics do not") {
            val (gone, left) = System.getProperty("java.class.path").split(File.pathSeparator).partition(::isOfMicrometer)
            gone.shouldNotBeEmpty()
            left.filter { "micrometer" in File(it).name }.shouldBeEmpty()
            TestPostgres.shared().newDatabase().use { database ->
                val options = listOf("-cp", left.joinToString(File.pathSeparator)) // the last one counts
                ChildJvm.start(options, WithoutMicrometer::class.java, database.urlWithPassword()).use { child ->
                    child.expect("io.micrometer.core.instrument.MeterRegistry: java.lang.ClassNotFoundException")
                    child.expect("io.numpool.micrometer.NumpoolMetrics: java.lang.NoClassDefFoundError")
                    child.expect("Kotlin: LISTENING, slot 0 of 2, 1 held")
                    child.expect("Java: LISTENING, slot 0 of 2")
                    child.awaitExit(PATIENCE.toJavaDuration()) shouldBe 0
                }
            }
        }
    })

private fun isOfMicrometer(entry: String) = File(entry).name.let { it.startsWith("micrometer-") || it.startsWith("prometheus-") }

internal object WithoutMicrometer {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (url) = arguments
        for (name in listOf("io.micrometer.core.instrument.MeterRegistry", "io.numpool.micrometer.NumpoolMetrics")) {
            println("$name: ${runCatching { Class.forName(name).constructors }.exceptionOrNull()}")
        }
        runBlocking {
            Numpool.open(url) { name = "kotlin" }.use { client ->
                val uses = mutableListOf<PoolUse>()
                client.addListener(
                    object : NumpoolListener {
                        override fun joined(use: PoolUse) {
                            uses += use
                        }
                    },
                )
                client.pool("plain", 2).withResource {
                    println("Kotlin: ${client.mode}, slot ${it.index} of ${uses.single().capacity}, ${uses.single().held} held")
                }
            }
        }
        NumpoolAsync.open(url, NumpoolOptions.builder().name("java").build()).use { client ->
            val pool = client.pool("plain", 2).join()
            pool.withResource { println("Java: ${client.mode()}, slot ${it.index()} of ${pool.capacity()}") }.join()
        }
    }
}
