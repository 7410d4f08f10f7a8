package io.numpool

import java.net.InetAddress
import java.time.Duration.ofMillis
import javax.sql.DataSource
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration
import java.time.Duration as JavaDuration

/** Settings of a client. Immutable; made by [Builder], which refuses a value out of range and names it. */
public class NumpoolOptions private constructor(
    builder: Builder,
) {
    /** Shown to operators as the holder's name; 1–100 characters. Default: host and process id. */
    public val name: String = builder.name

    /** Schema of the tables: an identifier of at most 63 bytes. Default: `numpool`. */
    public val schema: String = builder.schema

    /** Whether `open` migrates the schema, which needs Flyway on the class path. Default: when Flyway is there; null stands for that. */
    public val migrate: Boolean? = builder.migrate

    /** A session that has not renewed itself for so long is dead. At least three times [detachGrace]. Default: 30 s. */
    public val sessionTtl: JavaDuration = builder.sessionTtl.toJavaDuration()

    /** A session whose listener connection is gone for so long is dead. At least 300 ms. Default: 2 s. */
    public val detachGrace: JavaDuration = builder.detachGrace.toJavaDuration()

    /** How often this client looks for dead sessions. At least 50 ms. Default: 1 s. */
    public val reaperTick: JavaDuration = builder.reaperTick.toJavaDuration()

    /** How often a pool in which something waits is asked for grants whose notice was lost. At least 50 ms. Default: 1 s. */
    public val pollInterval: JavaDuration = builder.pollInterval.toJavaDuration()

    /** How many connections of the `DataSource` are used at a time for calls: 1–16. Default: 2. The listener's comes on top, see [Numpool]. */
    public val storeConnections: Int = builder.storeConnections

    /**
     * How long `open` tries to reach the database, and each later call that does not wait for a slot. What a migration takes is not counted. At
     * least 1 ms. Default: 10 s.
     */
    public val openTimeout: JavaDuration = builder.openTimeout.toJavaDuration()

    /** How long `close` waits for the database to take everything back. Greater than 0. Default: 10 s. */
    public val closeTimeout: JavaDuration = builder.closeTimeout.toJavaDuration()

    /** Where the listener gets its connection from, when not from what the client was opened with. */
    public val listenerDataSource: DataSource? = builder.listenerDataSource

    /** A URL for the listener's connection, with user and password in it, for those behind a transaction-mode pooler. */
    public val listenerUrl: String? = builder.listenerUrl

    /** Whether LISTEN is not used at all. Default: false. */
    public val pollOnly: Boolean = builder.pollOnly

    /** Whether `open` starts the listener; else `listen()` does. Default: true. */
    public val startListening: Boolean = builder.startListening

    /**
     * Whether a slot that is given back goes to this client's own next waiter at once, when no other process has an earlier one; the database
     * is told by the next call. Each pool can differ, see [ResourcePool.handOver]. Default: true.
     */
    public val handOver: Boolean = builder.handOver

    /** Told what happens in the client. */
    public val listeners: List<NumpoolListener> = builder.listeners.toList()

    /** Collects settings. A Kotlin caller sets properties, a Java caller chains methods. */
    public class Builder internal constructor() {
        /** See [NumpoolOptions.name]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var name: String = "${hostName()}/${ProcessHandle.current().pid()}".takeLast(100)

        /** See [NumpoolOptions.schema]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var schema: String = "numpool"

        /** See [NumpoolOptions.migrate]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var migrate: Boolean? = null

        /** See [NumpoolOptions.sessionTtl]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var sessionTtl: Duration = 30.seconds

        /** See [NumpoolOptions.detachGrace]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var detachGrace: Duration = 2.seconds

        /** See [NumpoolOptions.reaperTick]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var reaperTick: Duration = 1.seconds

        /** See [NumpoolOptions.pollInterval]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var pollInterval: Duration = 1.seconds

        /** See [NumpoolOptions.storeConnections]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var storeConnections: Int = 2

        /** See [NumpoolOptions.openTimeout]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var openTimeout: Duration = 10.seconds

        /** See [NumpoolOptions.closeTimeout]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var closeTimeout: Duration = 10.seconds

        /** See [NumpoolOptions.listenerDataSource]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var listenerDataSource: DataSource? = null

        /** See [NumpoolOptions.listenerUrl]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var listenerUrl: String? = null

        /** See [NumpoolOptions.pollOnly]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var pollOnly: Boolean = false

        /** See [NumpoolOptions.startListening]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var startListening: Boolean = true

        /** See [NumpoolOptions.handOver]. */
        @get:JvmSynthetic
        @set:JvmSynthetic
        public var handOver: Boolean = true

        internal val listeners = mutableListOf<NumpoolListener>()

        /** See [NumpoolOptions.name]. */
        public fun name(value: String): Builder = apply { name = value }

        /** See [NumpoolOptions.schema]. */
        public fun schema(value: String): Builder = apply { schema = value }

        /** See [NumpoolOptions.migrate]. */
        public fun migrate(value: Boolean): Builder = apply { migrate = value }

        /** See [NumpoolOptions.sessionTtl]. */
        public fun sessionTtl(value: JavaDuration): Builder = apply { sessionTtl = value.toKotlinDuration() }

        /** See [NumpoolOptions.detachGrace]. */
        public fun detachGrace(value: JavaDuration): Builder = apply { detachGrace = value.toKotlinDuration() }

        /** See [NumpoolOptions.reaperTick]. */
        public fun reaperTick(value: JavaDuration): Builder = apply { reaperTick = value.toKotlinDuration() }

        /** See [NumpoolOptions.pollInterval]. */
        public fun pollInterval(value: JavaDuration): Builder = apply { pollInterval = value.toKotlinDuration() }

        /** See [NumpoolOptions.storeConnections]. */
        public fun storeConnections(value: Int): Builder = apply { storeConnections = value }

        /** See [NumpoolOptions.openTimeout]. */
        public fun openTimeout(value: JavaDuration): Builder = apply { openTimeout = value.toKotlinDuration() }

        /** See [NumpoolOptions.closeTimeout]. */
        public fun closeTimeout(value: JavaDuration): Builder = apply { closeTimeout = value.toKotlinDuration() }

        /** See [NumpoolOptions.listenerDataSource]. */
        public fun listener(value: DataSource): Builder = apply { listenerDataSource = value }

        /** See [NumpoolOptions.listenerUrl]. */
        public fun listener(url: String): Builder = apply { listenerUrl = url }

        /** See [NumpoolOptions.pollOnly]. */
        public fun pollOnly(): Builder = apply { pollOnly = true }

        /** See [NumpoolOptions.startListening]. */
        public fun startListening(value: Boolean): Builder = apply { startListening = value }

        /** See [NumpoolOptions.handOver]. */
        public fun handOver(value: Boolean): Builder = apply { handOver = value }

        /** Adds a listener of what happens in the client. */
        public fun listen(listener: NumpoolListener): Builder = apply { listeners += listener }

        /**
         * The settings.
         *
         * @throws IllegalArgumentException when one is out of range
         */
        public fun build(): NumpoolOptions {
            require(name.length in 1..100 && name.none { it.isISOControl() }) { "name '$name': 1 to 100 printable characters" }
            require(schema.toByteArray().size in 1..63 && '\u0000' !in schema) { "schema '$schema': an identifier of 1 to 63 bytes" }
            atLeast("detachGrace", detachGrace, 300.milliseconds)
            require(sessionTtl >= detachGrace * 3 && sessionTtl <= MAX) {
                "sessionTtl $sessionTtl: at least three times detachGrace ($detachGrace), at most $MAX"
            }
            atLeast("reaperTick", reaperTick, 50.milliseconds)
            atLeast("pollInterval", pollInterval, 50.milliseconds)
            require(storeConnections in 1..16) { "storeConnections $storeConnections: 1 to 16" }
            atLeast("openTimeout", openTimeout, 1.milliseconds)
            atLeast("closeTimeout", closeTimeout, 1.milliseconds)
            require(listenerDataSource == null || listenerUrl == null) { "listener: a DataSource or a URL ($listenerUrl), not both" }
            return NumpoolOptions(this)
        }

        private fun atLeast(
            option: String,
            value: Duration,
            least: Duration,
        ) = require(value >= least && value <= MAX) { "$option $value: $least to $MAX" }
    }

    public companion object {
        private val MAX = ofMillis(Int.MAX_VALUE.toLong()).toKotlinDuration()

        /** Settings at their defaults, to be changed. */
        @JvmStatic
        public fun builder(): Builder = Builder()

        /** The defaults. */
        @JvmStatic
        public fun defaults(): NumpoolOptions = Builder().build()

        private fun hostName(): String =
            System.getenv("HOSTNAME") ?: runCatching { InetAddress.getLocalHost().hostName }.getOrDefault("localhost")
    }
}
