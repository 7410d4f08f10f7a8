package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.kotest.matchers.string.shouldEndWith
import org.postgresql.ds.PGSimpleDataSource
import java.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import java.time.Duration.ofSeconds as seconds

class OptionsTest :
    FunSpec({
        test("the defaults are those of the table") {
            val options = NumpoolOptions.defaults()
            options.name shouldEndWith "/${ProcessHandle.current().pid()}"
            options.name.substringBefore('/').isNotBlank() shouldBe true
            options.schema shouldBe "numpool"
            options.migrate shouldBe null
            options.sessionTtl shouldBe seconds(30)
            options.detachGrace shouldBe seconds(2)
            options.reaperTick shouldBe seconds(1)
            options.pollInterval shouldBe seconds(1)
            options.storeConnections shouldBe 2
            options.openTimeout shouldBe seconds(10)
            options.closeTimeout shouldBe seconds(10)
            options.listenerDataSource shouldBe null
            options.listenerUrl shouldBe null
            options.pollOnly shouldBe false
            options.startListening shouldBe true
            options.listeners.shouldBeEmpty()
        }

        test("the least and greatest values are allowed") {
            for (allowed in listOf<NumpoolOptions.Builder.() -> Unit>(
                { name = "n" },
                { name = "ä".repeat(100) },
                { schema = "s" },
                { schema = "s".repeat(63) },
                {
                    detachGrace = 300.milliseconds
                    sessionTtl = 900.milliseconds
                },
                { reaperTick = 50.milliseconds },
                { pollInterval = 50.milliseconds },
                { storeConnections = 1 },
                { storeConnections = 16 },
                { openTimeout = 1.milliseconds },
                { closeTimeout = 1.milliseconds },
            )) {
                NumpoolOptions.builder().apply(allowed).build()
            }
        }

        for ((says, wrong) in listOf<Pair<List<String>, NumpoolOptions.Builder.() -> Unit>>(
            listOf("name ''", "1 to 100") to { name = "" },
            listOf("name 'nnn", "1 to 100") to { name = "n".repeat(101) },
            listOf("name", "printable") to { name = "tab\t" },
            listOf("schema ''", "1 to 63 bytes") to { schema = "" },
            listOf("schema 'sss", "1 to 63 bytes") to { schema = "s".repeat(64) },
            listOf("schema 'ßßß", "1 to 63 bytes") to { schema = "ß".repeat(32) },
            listOf("schema", "1 to 63 bytes") to { schema = "nul\u0000" },
            listOf("sessionTtl 5s", "three times detachGrace (2s)") to { sessionTtl = 5.seconds },
            listOf("sessionTtl 30s", "three times detachGrace (11s)") to { detachGrace = 11.seconds },
            listOf("sessionTtl 100d", "at most") to { sessionTtl = 100.days },
            listOf("detachGrace 299ms", "300ms to") to { detachGrace = 299.milliseconds },
            listOf("reaperTick 49ms", "50ms to") to { reaperTick = 49.milliseconds },
            listOf("pollInterval 49ms", "50ms to") to { pollInterval = 49.milliseconds },
            listOf("pollInterval -1s", "50ms to") to { pollInterval = (-1).seconds },
            listOf("storeConnections 0", "1 to 16") to { storeConnections = 0 },
            listOf("storeConnections 17", "1 to 16") to { storeConnections = 17 },
            listOf("openTimeout 0s", "1ms to") to { openTimeout = kotlin.time.Duration.ZERO },
            listOf("openTimeout", "1ms to") to { openTimeout = kotlin.time.Duration.INFINITE },
            listOf("closeTimeout 0s", "1ms to") to { closeTimeout = kotlin.time.Duration.ZERO },
            listOf("listener", "postgres://here", "not both") to {
                listenerUrl = "postgres://here"
                listenerDataSource = PGSimpleDataSource()
            },
        )) {
            test("refused, before any SQL: ${says.joinToString().take(60)}") {
                val refused = shouldThrow<IllegalArgumentException> { Numpool.open(PGSimpleDataSource(), wrong) }
                says.forEach { refused.message shouldContain it }
            }
        }

        test("a Java caller chains the same options") {
            val options =
                NumpoolOptions
                    .builder()
                    .name("java")
                    .schema("s")
                    .migrate(false)
                    .sessionTtl(seconds(9))
                    .detachGrace(seconds(3))
                    .reaperTick(Duration.ofMillis(70))
                    .pollInterval(Duration.ofMillis(80))
                    .storeConnections(4)
                    .openTimeout(seconds(5))
                    .closeTimeout(seconds(6))
                    .pollOnly()
                    .startListening(false)
                    .listener("postgres://there")
                    .listen(object : NumpoolListener {})
                    .build()
            options.name to options.schema shouldBe ("java" to "s")
            options.migrate shouldBe false
            listOf(options.sessionTtl, options.detachGrace) shouldBe listOf(seconds(9), seconds(3))
            listOf(options.reaperTick, options.pollInterval).map { it.toMillis() } shouldBe listOf(70L, 80L)
            options.storeConnections shouldBe 4
            listOf(options.openTimeout, options.closeTimeout) shouldBe listOf(seconds(5), seconds(6))
            options.pollOnly shouldBe true
            options.startListening shouldBe false
            options.listenerUrl shouldBe "postgres://there"
            options.listeners.size shouldBe 1
        }

        test("options once built do not change") {
            val builder = NumpoolOptions.builder().listen(object : NumpoolListener {})
            val options = builder.build()
            builder.name("later").listen(object : NumpoolListener {})
            options.listeners.size shouldBe 1
            (options.name == "later") shouldBe false
        }
    })
