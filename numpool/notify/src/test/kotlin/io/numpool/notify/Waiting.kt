package io.numpool.notify

import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** Generous: it is reached only by a test that fails. */
val PATIENCE: Duration = 20.seconds

/** Waits for a state that sends no signal (the server's, say); the failure carries the last value seen. */
suspend fun <T> await(
    what: String,
    read: suspend () -> T,
    wanted: (T) -> Boolean,
) {
    var last = read()
    withTimeoutOrNull(PATIENCE) {
        while (!wanted(last)) {
            delay(5.milliseconds)
            last = read()
        }
    } ?: throw AssertionError("waited $PATIENCE for $what, last seen: $last")
}

suspend inline fun <reified M : NotifierMode> Notifier.awaitMode(): M = withTimeout(PATIENCE) { modes.first { it is M } } as M

suspend fun Notifier.awaitListening() {
    awaitMode<NotifierMode.Listening>()
}

/** What a subscriber saw, to be received one by one. */
class Seen {
    private val events = Channel<NotifierEvent>(Channel.UNLIMITED)

    suspend fun put(event: NotifierEvent) = events.send(event)

    suspend fun next(): NotifierEvent = withTimeout(PATIENCE) { events.receive() }

    suspend fun nextPayload(): String = (next() as Notification).payload

    suspend fun nextGap(): Gap = next() as Gap

    fun nothingElse(): Boolean = events.tryReceive().isFailure
}

suspend fun Notifier.watch(channel: String): Seen = Seen().also { seen -> subscribe(channel, seen::put, seen::put) }
