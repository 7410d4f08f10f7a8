package io.numpool.internal

import io.numpool.internal.store.Evicted
import io.numpool.internal.store.Notice
import io.numpool.internal.store.StoreException
import kotlinx.coroutines.channels.Channel
import org.slf4j.LoggerFactory

/**
 * Tells other processes of grants, after the commit, all that is there in one call. A hint: when it is lost, they poll.
 *
 * A payload is a line a grant (`pool ticket slot`; slot -1: it asked for more than there are), one a deleted pool (`pool`), or one a slot to
 * be given back (`evict pool slot token`); several to one session share a notification.
 */
internal class Pump(
    private val engine: Engine,
) {
    private val log = LoggerFactory.getLogger(Pump::class.java)
    private val inbox = Channel<Line>(Channel.UNLIMITED)

    private class Line(
        val session: Long,
        val text: String,
    )

    fun granted(
        pool: Int,
        notice: Notice,
    ) {
        inbox.trySend(line(pool, notice))
    }

    fun deleted(
        pool: Int,
        session: Long,
    ) {
        inbox.trySend(Line(session, "$pool"))
    }

    fun evicted(order: Evicted) {
        inbox.trySend(Line(order.session(), "$EVICTED${order.pool()} ${order.slot()} ${order.token()}"))
    }

    suspend fun run() {
        while (true) {
            val lines = mutableListOf(inbox.receive())
            while (lines.size < MOST) lines += inbox.tryReceive().getOrNull() ?: break
            send(payloads(lines))
        }
    }

    /** Without queueing: the client is about to end. */
    suspend fun sendNow(
        pool: Int,
        notices: List<Notice>,
    ) {
        if (notices.isNotEmpty()) send(payloads(notices.map { line(pool, it) }))
    }

    private fun line(
        pool: Int,
        notice: Notice,
    ) = Line(notice.session(), "$pool ${notice.ticket()} ${notice.slot()}")

    private suspend fun send(payloads: List<Pair<Long, String>>) {
        try {
            engine.bridge.run { engine.store.announce(it, payloads.map { (session, _) -> session }, payloads.map { (_, text) -> text }) }
            engine.counters.notifies.add(payloads.size.toLong())
        } catch (e: StoreException) {
            log.debug("{} notices could not be sent: their sessions will poll", payloads.size, e)
        }
    }

    private fun payloads(lines: List<Line>): List<Pair<Long, String>> =
        lines.groupBy({ it.session }, { it.text }).flatMap { (session, texts) ->
            texts.chunked(PER_PAYLOAD) { session to it.joinToString("\n") }
        }

    companion object {
        /** How the line of an eviction begins. */
        const val EVICTED = "evict "

        private const val MOST = 4096

        /** A line has at most 42 characters, a payload 7,999 bytes. */
        private const val PER_PAYLOAD = 180
    }
}
