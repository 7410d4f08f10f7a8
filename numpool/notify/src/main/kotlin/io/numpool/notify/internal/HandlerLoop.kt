package io.numpool.notify.internal

import io.numpool.notify.Gap
import io.numpool.notify.Notification
import io.numpool.notify.NotifierEvent
import io.numpool.notify.NotifierException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withTimeout
import kotlin.time.Duration

/** Calls one subscriber's handlers, one event at a time, whatever they throw. */
internal class HandlerLoop(
    private val mailbox: Mailbox,
    private val timeout: Duration,
    private val reports: Reports,
    private val onGap: suspend (Gap) -> Unit,
    private val handler: suspend (Notification) -> Unit,
) {
    suspend fun run() {
        while (true) {
            val event = next() ?: return
            try {
                if (timeout == Duration.ZERO) handle(event) else withTimeout(timeout) { handle(event) }
            } catch (e: Throwable) {
                // An Error is the handler's, too: nobody else must go without notifications for it. A handler may well throw a CancellationException (withTimeout does): only ours ends the loop.
                currentCoroutineContext().ensureActive()
                reports.error(e, mailbox.channel)
            }
        }
    }

    private suspend fun next(): NotifierEvent? =
        try {
            mailbox.take()
        } catch (e: NotifierException) {
            reports.error(e, mailbox.channel)
            null
        }

    private suspend fun handle(event: NotifierEvent): Unit =
        when (event) {
            is Notification -> handler(event)
            is Gap -> onGap(event)
        }
}
