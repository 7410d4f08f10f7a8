package io.numpool.notify.internal

import io.numpool.notify.Notifier
import io.numpool.notify.NotifierObserver
import org.slf4j.LoggerFactory

/** Tells the observer and the log; an observer that throws stops nothing. */
internal class Reports(
    private val notifier: String,
    private val observer: NotifierObserver?,
    private val counters: Counters,
) {
    fun tell(what: NotifierObserver.() -> Unit) {
        observer ?: return
        try {
            observer.what()
        } catch (e: Throwable) {
            counters.error(e)
            log.warn("{}: the observer failed", notifier, e)
        }
    }

    fun error(
        error: Throwable,
        channel: String?,
    ) {
        counters.error(error)
        if (observer == null) log.warn("{}: {}", notifier, channel ?: "", error) else tell { onError(error, channel) }
    }

    fun lost(error: Throwable) {
        log.info("{}: LISTEN connection lost: {}", notifier, error.toString())
        tell { onDisconnect(error) }
    }

    private companion object {
        val log = LoggerFactory.getLogger(Notifier::class.java)!!
    }
}
