package io.numpool.notify

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.equality.shouldBeEqualToComparingFields
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
            options.connectTimeout shouldBe Duration.ofSeconds(10)
            options.maxPayloadBytes shouldBe 7_900
            options.pingInterval shouldBe Duration.ofSeconds(30)
            options.pingTimeout shouldBe Duration.ofSeconds(5)
            options.echoInterval shouldBe Duration.ofSeconds(30)
            options.echoTimeout shouldBe Duration.ofSeconds(2)
            options.publishTimeout shouldBe Duration.ofSeconds(10)
            options.handlerTimeout shouldBe Duration.ofSeconds(30)
            options.bufferSize shouldBe 100
            options.bufferPolicy shouldBe BufferPolicy.WAIT
            options.closeTimeout shouldBe Duration.ofSeconds(10)
        }

        test("methods and properties set the same") {
            val hook = object : ListenHook {}
            val observer = object : NotifierObserver {}
            val methods =
                NotifierOptions
                    .builder()
                    .name("n")
                    .reconnectInterval(Duration.ofMillis(1))
                    .reconnectMaxInterval(Duration.ofMillis(2))
                    .reconnectMultiplier(3.0)
                    .reconnectAttempts(4)
                    .connectTimeout(Duration.ofMillis(5))
                    .maxPayloadBytes(6)
                    .pingInterval(Duration.ofMillis(7))
                    .pingTimeout(Duration.ofMillis(8))
                    .echoInterval(Duration.ofMillis(9))
                    .echoTimeout(Duration.ofMillis(10))
                    .publishTimeout(Duration.ofMillis(11))
                    .handlerTimeout(Duration.ofMillis(12))
                    .bufferSize(13)
                    .bufferPolicy(BufferPolicy.COALESCE)
                    .closeTimeout(Duration.ofMillis(14))
                    .hook(hook)
                    .observer(observer)
                    .build()
            methods shouldBeEqualToComparingFields
                build {
                    name = "n"
                    reconnectInterval = 1.milliseconds
                    reconnectMaxInterval = 2.milliseconds
                    reconnectMultiplier = 3.0
                    reconnectAttempts = 4
                    connectTimeout = 5.milliseconds
                    maxPayloadBytes = 6
                    pingInterval = 7.milliseconds
                    pingTimeout = 8.milliseconds
                    echoInterval = 9.milliseconds
                    echoTimeout = 10.milliseconds
                    publishTimeout = 11.milliseconds
                    handlerTimeout = 12.milliseconds
                    bufferSize = 13
                    bufferPolicy = BufferPolicy.COALESCE
                    closeTimeout = 14.milliseconds
                    this.hook = hook
                    this.observer = observer
                }
        }

        val refused: Map<String, NotifierOptions.Builder.() -> Unit> =
            mapOf(
                "option name is 0, must be 1 to 40 characters" to { name = "" },
                "option name is 41, must be 1 to 40 characters" to { name = "n".repeat(41) },
                "option reconnectInterval is PT0S, must be > 0 and at most 10 days" to { reconnectInterval = 0.seconds },
                "option reconnectMaxInterval is PT0.5S, must be >= reconnectInterval and at most 10 days" to
                    { reconnectMaxInterval = 500.milliseconds },
                "option reconnectMaxInterval is PT264H, must be >= reconnectInterval and at most 10 days" to
                    { reconnectMaxInterval = 11.days },
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
                "option publishTimeout is PT0S, must be > 0 and at most 10 days" to { publishTimeout = 0.seconds },
                "option handlerTimeout is PT-1S, must be >= 0 and at most 10 days" to { handlerTimeout = (-1).seconds },
                "option bufferSize is 0, must be > 0" to { bufferSize = 0 },
                "option pingInterval is PT240H0.001S, must be > 0 and at most 10 days" to { pingInterval = 10.days + 1.milliseconds },
                "option closeTimeout is PT0S, must be > 0 and at most 10 days" to { closeTimeout = 0.seconds },
            )
        for ((message, configure) in refused) {
            test(message) { shouldThrow<IllegalArgumentException> { build(configure) }.message shouldBe message }
        }
    })
