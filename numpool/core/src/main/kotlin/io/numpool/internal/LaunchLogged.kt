package io.numpool.internal

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import org.slf4j.LoggerFactory

private val log = LoggerFactory.getLogger("io.numpool")

/** Launches a part of a client. If it ends by an error, which is a defect, that is logged and the other parts go on. */
internal fun CoroutineScope.launchLogged(
    what: String,
    block: suspend CoroutineScope.() -> Unit,
): Job =
    launch {
        try {
            block()
        } catch (e: CancellationException) {
            throw e
        } catch (e: Exception) {
            log.error("The {} stopped", what, e)
            throw e
        }
    }
