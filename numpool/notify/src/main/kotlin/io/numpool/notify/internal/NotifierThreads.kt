package io.numpool.notify.internal

import java.util.concurrent.ThreadFactory

/** Daemon threads that say whose they are. */
internal class NotifierThreads(
    private val notifier: String,
    private val role: String,
) : ThreadFactory {
    @Volatile
    private var newest: Thread? = null

    /** Whether the caller runs on it. */
    val current: Boolean get() = Thread.currentThread() === newest

    override fun newThread(work: Runnable): Thread =
        Thread(work, "numpool-notify $notifier $role").apply {
            isDaemon = true
            newest = this
        }
}
