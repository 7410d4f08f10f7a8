package io.numpool.notify

import java.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration

/**
 * Settings of a [Notifier], immutable. A value out of range is refused when built, naming the option and the range; no
 * duration may be longer than 10 days.
 *
 * @property name says in thread names, messages and `application_name` which notifier this is; 1 to 40 characters
 * @property reconnectInterval base of the delay before the second attempt to reconnect; the first is made at once. > 0
 * @property reconnectMaxInterval no delay is longer. >= [reconnectInterval]
 * @property reconnectMultiplier growth of the delay per attempt; each delay is drawn between 0 and the grown value. >= 1
 * @property reconnectAttempts failed attempts in a row after which it gives up and closes; 0 is never. >= 0
 * @property connectTimeout bound of opening a connection, [ListenHook.onOpen] and LISTEN. > 0
 * @property maxPayloadBytes longest payload that [Notifier.publish] accepts, in UTF-8 bytes. 1 to 7,999
 * @property pingInterval time between round trips on the LISTEN connection. > 0
 * @property pingTimeout an unanswered ping aborts the connection after it. > 0
 * @property echoInterval time between checks that a notification of another connection arrives. > 0
 * @property echoTimeout how long such a notification may take. > 0
 * @property publishTimeout how long the database may take for a transaction of [Notifier.publish] before its connection is aborted;
 *   waiting for a connection is not counted. > 0
 * @property handlerTimeout a handler call that takes longer is cancelled; 0 is never. >= 0
 * @property bufferSize notifications buffered per subscription. > 0
 * @property bufferPolicy what happens when the buffer is full
 * @property closeTimeout how long [Notifier.close] lets handlers finish before it cancels them. > 0
 * @property hook rides on the LISTEN connection, null for none
 * @property observer is told what happens, null for nobody
 */
public class NotifierOptions private constructor(
    builder: Builder,
) {
    public val name: String = builder.name
    public val reconnectInterval: Duration = builder.reconnectInterval.toJavaDuration()
    public val reconnectMaxInterval: Duration = builder.reconnectMaxInterval.toJavaDuration()
    public val reconnectMultiplier: Double = builder.reconnectMultiplier
    public val reconnectAttempts: Int = builder.reconnectAttempts
    public val connectTimeout: Duration = builder.connectTimeout.toJavaDuration()
    public val maxPayloadBytes: Int = builder.maxPayloadBytes
    public val pingInterval: Duration = builder.pingInterval.toJavaDuration()
    public val pingTimeout: Duration = builder.pingTimeout.toJavaDuration()
    public val echoInterval: Duration = builder.echoInterval.toJavaDuration()
    public val echoTimeout: Duration = builder.echoTimeout.toJavaDuration()
    public val publishTimeout: Duration = builder.publishTimeout.toJavaDuration()
    public val handlerTimeout: Duration = builder.handlerTimeout.toJavaDuration()
    public val bufferSize: Int = builder.bufferSize
    public val bufferPolicy: BufferPolicy = builder.bufferPolicy
    public val closeTimeout: Duration = builder.closeTimeout.toJavaDuration()
    public val hook: ListenHook? = builder.hook
    public val observer: NotifierObserver? = builder.observer

    init {
        check("name", name.length, name.length in 1..40, "1 to 40 characters")
        checkPositive("reconnectInterval", reconnectInterval)
        val longest = reconnectMaxInterval
        check(
            "reconnectMaxInterval",
            longest,
            longest >= reconnectInterval && longest <= LONGEST,
            ">= reconnectInterval and at most 10 days",
        )
        val growth = reconnectMultiplier
        check("reconnectMultiplier", growth, growth >= 1.0 && growth.isFinite(), ">= 1.0")
        check("reconnectAttempts", reconnectAttempts, reconnectAttempts >= 0, ">= 0")
        checkPositive("connectTimeout", connectTimeout)
        check("maxPayloadBytes", maxPayloadBytes, maxPayloadBytes in 1..7_999, "1 to 7999")
        checkPositive("pingInterval", pingInterval)
        checkPositive("pingTimeout", pingTimeout)
        checkPositive("echoInterval", echoInterval)
        checkPositive("echoTimeout", echoTimeout)
        checkPositive("publishTimeout", publishTimeout)
        check("handlerTimeout", handlerTimeout, !handlerTimeout.isNegative && handlerTimeout <= LONGEST, ">= 0 and at most 10 days")
        check("bufferSize", bufferSize, bufferSize > 0, "> 0")
        checkPositive("closeTimeout", closeTimeout)
    }

    private fun checkPositive(
        option: String,
        value: Duration,
    ): Unit = check(option, value, value > Duration.ZERO && value <= LONGEST, "> 0 and at most 10 days")

    private fun check(
        option: String,
        value: Any,
        inRange: Boolean,
        range: String,
    ) {
        require(inRange) { "option $option is $value, must be $range" }
    }

    /**
     * Builds [NotifierOptions]: Kotlin sets the properties, Java calls the methods of the same names. Each is the option
     * of that name there.
     */
    public class Builder {
        public var name: String = "numpool"

        @get:JvmSynthetic @set:JvmSynthetic
        public var reconnectInterval: kotlin.time.Duration = Duration.ofSeconds(1).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var reconnectMaxInterval: kotlin.time.Duration = Duration.ofSeconds(30).toKotlinDuration()
        public var reconnectMultiplier: Double = 2.0
        public var reconnectAttempts: Int = 0

        @get:JvmSynthetic @set:JvmSynthetic
        public var connectTimeout: kotlin.time.Duration = Duration.ofSeconds(10).toKotlinDuration()
        public var maxPayloadBytes: Int = 7_900

        @get:JvmSynthetic @set:JvmSynthetic
        public var pingInterval: kotlin.time.Duration = Duration.ofSeconds(30).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var pingTimeout: kotlin.time.Duration = Duration.ofSeconds(5).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var echoInterval: kotlin.time.Duration = Duration.ofSeconds(30).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var echoTimeout: kotlin.time.Duration = Duration.ofSeconds(2).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var publishTimeout: kotlin.time.Duration = Duration.ofSeconds(10).toKotlinDuration()

        @get:JvmSynthetic @set:JvmSynthetic
        public var handlerTimeout: kotlin.time.Duration = Duration.ofSeconds(30).toKotlinDuration()
        public var bufferSize: Int = 100
        public var bufferPolicy: BufferPolicy = BufferPolicy.WAIT

        @get:JvmSynthetic @set:JvmSynthetic
        public var closeTimeout: kotlin.time.Duration = Duration.ofSeconds(10).toKotlinDuration()
        public var hook: ListenHook? = null
        public var observer: NotifierObserver? = null

        public fun name(name: String): Builder = apply { this.name = name }

        public fun reconnectInterval(interval: Duration): Builder = apply { reconnectInterval = interval.toKotlinDuration() }

        public fun reconnectMaxInterval(interval: Duration): Builder = apply { reconnectMaxInterval = interval.toKotlinDuration() }

        public fun reconnectMultiplier(multiplier: Double): Builder = apply { reconnectMultiplier = multiplier }

        public fun reconnectAttempts(attempts: Int): Builder = apply { reconnectAttempts = attempts }

        public fun connectTimeout(timeout: Duration): Builder = apply { connectTimeout = timeout.toKotlinDuration() }

        public fun maxPayloadBytes(bytes: Int): Builder = apply { maxPayloadBytes = bytes }

        public fun pingInterval(interval: Duration): Builder = apply { pingInterval = interval.toKotlinDuration() }

        public fun pingTimeout(timeout: Duration): Builder = apply { pingTimeout = timeout.toKotlinDuration() }

        public fun echoInterval(interval: Duration): Builder = apply { echoInterval = interval.toKotlinDuration() }

        public fun echoTimeout(timeout: Duration): Builder = apply { echoTimeout = timeout.toKotlinDuration() }

        public fun publishTimeout(timeout: Duration): Builder = apply { publishTimeout = timeout.toKotlinDuration() }

        public fun handlerTimeout(timeout: Duration): Builder = apply { handlerTimeout = timeout.toKotlinDuration() }

        public fun bufferSize(notifications: Int): Builder = apply { bufferSize = notifications }

        public fun bufferPolicy(policy: BufferPolicy): Builder = apply { bufferPolicy = policy }

        public fun closeTimeout(timeout: Duration): Builder = apply { closeTimeout = timeout.toKotlinDuration() }

        public fun hook(hook: ListenHook?): Builder = apply { this.hook = hook }

        public fun observer(observer: NotifierObserver?): Builder = apply { this.observer = observer }

        /** The options, or IllegalArgumentException naming the option, its value and its range. */
        public fun build(): NotifierOptions = NotifierOptions(this)
    }

    public companion object {
        private val LONGEST = Duration.ofDays(10)

        /** A builder holding the defaults. */
        @JvmStatic
        public fun builder(): Builder = Builder()
    }
}
