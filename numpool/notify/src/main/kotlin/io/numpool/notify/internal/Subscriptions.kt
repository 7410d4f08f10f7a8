package io.numpool.notify.internal

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/** Who listens to what. Any thread. */
internal class Subscriptions {
    // The lists are replaced, never changed.
    private val byChannel = ConcurrentHashMap<String, List<Mailbox>>()

    private val changes = AtomicLong()

    /** Grows after each change: who sees it unchanged has seen everything. */
    val version: Long get() = changes.get()

    fun add(mailbox: Mailbox) {
        byChannel.merge(mailbox.channel, listOf(mailbox)) { old, new -> old + new }
        changes.incrementAndGet()
    }

    /** False when it was not there any more. */
    fun remove(mailbox: Mailbox): Boolean {
        var found = false
        byChannel.computeIfPresent(mailbox.channel) { _, old ->
            found = mailbox in old
            (old - mailbox).ifEmpty { null }
        }
        changes.incrementAndGet()
        return found
    }

    fun channels(): Set<String> = HashSet(byChannel.keys)

    fun on(channel: String): List<Mailbox> = byChannel[channel].orEmpty()

    fun all(): List<Mailbox> = byChannel.values.flatten()
}
