package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import java.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class NotifierOptionsTest :
    FunSpec({
        fun build(configure: NotifierOptions.Builder.() -> Unit) = NotifierOptions.builder().apply(configure).build()

        test("defaults") {
            val options = build {}
            options.reconnectInterval shouldBe Duration.ofSeconds(1)
            options.reconnectMaxInterval shouldBe Duration.ofSeconds(30)
            options.reconnectMultiplier shouldBe 2.0
            options.reconnectAttempts shouldBe 0
            options.maxPayloadBytes shouldBe 7_900
            options.pingInterval shouldBe Duration.ofSeconds(30)
            options.handlerTimeout shouldBe Duration.ofSeconds(30)
            options.bufferSize shouldBe 100
            options.bufferPolicy shouldBe BufferPolicy.WAIT
            options.closeTimeout shouldBe Duration.ofSeconds(10)
        }

        test("methods and properties set the same") {
            NotifierOptions
                .builder()
                .pingInterval(Duration.ofMillis(50))
                .build()
                .pingInterval shouldBe
                build { pingInterval = 50.milliseconds }.pingInterval
        }

        val refused: Map<String, NotifierOptions.Builder.() -> Unit> =
            mapOf(
                "option name is 0, must be 1 to 40 characters" to { name = "" },
                "option name is 41, must be 1 to 40 characters" to { name = "n".repeat(41) },
                "option reconnectInterval is PT0S, must be > 0 and at most 10 days" to { reconnectInterval = 0.seconds },
                "option reconnectMaxInterval is PT0.5S, must be >= reconnectInterval" to { reconnectMaxInterval = 500.milliseconds },
                "option reconnectMultiplier is 0.9, must be >= 1.0" to { reconnectMultiplier = 0.9 },
                "option reconnectMultiplier is NaN, must be >= 1.0" to { reconnectMultiplier = Double.NaN },
                "option reconnectAttempts is -1, must be >= 0" to { reconnectAttempts = -1 },
                "option connectTimeout is PT0S, must be > 0 and at most 10 days" to { connectTimeout = 0.seconds },
                "option maxPayloadBytes is 0, must be 1 to 7999" to { maxPayloadBytes = 0 },
                "option maxPayloadBytes is 8000, must be 1 to 7999" to { maxPayloadBytes = 8_000 },
                "option pingInterval is PT0S, must be > 0 and at most 10 days" to { pingInterval = 0.seconds },
                "option pingTimeout is PT-1S, must be > 0 and at most 10 days" to { pingTimeout = (-1).seconds },
                "option echoInterval is PT0S, must be > 0 and at most 10 days" to { echoInterval = 0.seconds },
                "option echoTimeout is PT0S, must be > 0 and at most 10 days" to { echoTimeout = 0.seconds },
                "option handlerTimeout is PT-1S, must be >= 0 and at most 10 days" to { handlerTimeout = (-1).seconds },
                "option bufferSize is 0, must be > 0" to { bufferSize = 0 },
                "option pingInterval is PT240H0.001S, must be > 0 and at most 10 days" to { pingInterval = 10.days + 1.milliseconds },
                "option closeTimeout is PT0S, must be > 0 and at most 10 days" to { closeTimeout = 0.seconds },
            )
        for ((message, configure) in refused) {
            test(message) { shouldThrow<IllegalArgumentException> { build(configure) }.message shouldBe message }
        }
    })
