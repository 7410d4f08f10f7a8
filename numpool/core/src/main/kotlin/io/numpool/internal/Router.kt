package io.numpool.internal

import io.numpool.internal.store.Evicted
import org.slf4j.LoggerFactory

/** Hands what other processes announce to the lane it is for. What it cannot read it logs: a newer client may say more. */
internal class Router(
    private val engine: Engine,
) {
    private val log = LoggerFactory.getLogger(Router::class.java)

    fun notified(payload: String) = payload.lineSequence().forEach(::line)

    private fun line(line: String) {
        if (line.startsWith(Pump.EVICTED)) return evicted(line)
        val numbers = line.split(' ').map { it.toLongOrNull() }
        val lane = numbers.firstOrNull()?.let { engine.lane(it.toInt()) }
        val ticket = numbers.getOrNull(1)
        val slot = numbers.getOrNull(2)
        when {
            numbers.size == 1 -> numbers.single()?.let { engine.gone(it.toInt()) }
            numbers.size == 3 && ticket != null && slot != null -> lane?.granted(ticket, slot.toInt())
            else -> log.debug("Not a notice: {}", line)
        }
    }

    private fun evicted(line: String) {
        val numbers = line.removePrefix(Pump.EVICTED).split(' ').map { it.toLongOrNull() }
        val session = engine.sessions.current ?: return
        if (numbers.size != 3 || null in numbers) return log.debug("Not a notice: {}", line)
        session.evict(Evicted(session.id, numbers[0]!!.toInt(), numbers[1]!!.toInt(), numbers[2]!!))
    }
}
