package io.numpool.notify.internal

import io.numpool.notify.ListenUnavailableException
import io.numpool.notify.Notification
import io.numpool.notify.NotifierOptions
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import org.postgresql.PGConnection
import org.postgresql.PGNotification
import java.sql.Connection
import java.sql.SQLException
import java.sql.SQLWarning
import java.time.Instant

/**
 * One LISTEN connection, from opened to lost. The listener's thread alone; loss is an exception.
 *
 * Where notifications did not arrive before ([doubted]), a subscription counts as listened to when an echo was heard, and not as soon as
 * LISTEN is committed.
 */
internal class ListenSession(
    private val connection: Connection,
    private val context: ListenContext,
    private val doubted: Boolean,
) {
    private val options = context.options
    private val hook = options.hook
    private val pingNanos = options.pingInterval.toNanos()
    private val pingLimitNanos = options.pingTimeout.toNanos()
    private val connectLimitNanos = options.connectTimeout.toNanos()
    private val echoCheck = EchoCheck(context.echo, options, context.reports)
    private val pg: PGConnection = connection.unwrap(PGConnection::class.java)

    private val openedNanos = System.nanoTime()
    private var listening: Set<String> = emptySet()
    private var seenVersion = -1L
    private var nextPing = System.nanoTime() + pingNanos

    /** A read over TLS takes up to twice its timeout; this is how much longer than asked the last one took. */
    private var stretch = 1

    /** What the server said between statements: noted while the connection is open, since a driver that has met its end forgets it. */
    var said: SQLWarning? = null
        private set

    /** Whether [NotifierOptions.hook] knows of this connection. */
    var hooked = false
        private set

    /** Notifications are known to arrive. */
    val verified: Boolean get() = echoCheck.heard

    val ageNanos: Long get() = System.nanoTime() - openedNanos

    /** Nothing sent before it is missing: the last proof was sent then. Null before LISTEN was committed. */
    var provenAt: Instant? = null
        private set

    /** The same by echoes alone: what is left when notifications stopped while pings were answered. */
    private var provenByEcho: Instant? = null

    /** Returns when LISTEN is committed for all subscriptions, and those who had it before were told of the gap. */
    fun begin(loss: Loss?) {
        context.watchdog.guard(connection, connectLimitNanos) {
            connection.autoCommit = true
            connection.setNetworkTimeout(Runnable::run, 0)
            connection.setClientInfo("ApplicationName", "numpool-notify ${options.name}")
            hook?.onOpen(connection)
            hooked = true
            connection.endTransaction()
        }
        context.doorbell.answer()
        reconcile(loss)
    }

    /** Reads until the connection is lost or the coroutine cancelled. */
    suspend fun read(onVerified: () -> Unit): Nothing {
        var told = false
        while (true) {
            currentCoroutineContext().ensureActive()
            context.doorbell.answer()
            if (reconcile(null)) glance(asleep = false)
            runErrands()
            checkEcho()
            if (System.nanoTime() - nextPing >= 0) ping()
            if (context.delivery.flush()) receive(next()) else context.doorbell.sleep(untilPing())
            if (verified && !told) {
                told = true
                context.subscriptions
                    .all()
                    .filter { it.confirmedOn === this }
                    .forEach { it.heard() }
                onVerified()
            }
        }
    }

    /** Makes LISTEN what the subscriptions say, and tells them. False when nothing was to be said to the server. */
    private fun reconcile(loss: Loss?): Boolean {
        val version = context.subscriptions.version
        if (version == seenVersion) return false
        val wanted = context.subscriptions.channels() + context.echo.channel
        val added = wanted - listening
        val dropped = listening - wanted
        val begun = Instant.now()
        val refused = say(added.associateWith { "LISTEN ${quoted(it)}" } + dropped.associateWith { "UNLISTEN ${quoted(it)}" })
        listening = wanted - refused.keys
        seenVersion = version
        if (provenAt == null) {
            provenAt = begun
            provenByEcho = begun
            context.counters.connected(Instant.now())
        }
        refused.forEach { (channel, error) -> refuse(channel, error) }
        confirm(loss)
        (added - context.echo.channel - refused.keys).forEach { context.reports.tell { onSubscribe(it) } }
        dropped.forEach { context.reports.tell { onUnsubscribe(it) } }
        return added.isNotEmpty() || dropped.isNotEmpty()
    }

    /** Answers which channels the database refuses: its encoding may lack a letter of their names. */
    private fun say(statements: Map<String, String>): Map<String, SQLException> {
        val refused = HashMap<String, SQLException>()
        for (some in statements.entries.chunked(STATEMENTS_AT_ONCE)) {
            try {
                say(some.joinToString(";") { it.value })
            } catch (e: SQLException) {
                if (!e.isRefusal()) throw e
                if (some.size == 1) refused[some.single().key] = e else some.forEach { refused += say(mapOf(it.toPair())) }
            }
        }
        return refused
    }

    private fun say(sql: String): Unit = context.watchdog.guard(connection, connectLimitNanos) { connection.run(sql) }

    private fun refuse(
        channel: String,
        error: SQLException,
    ) {
        val why = ListenUnavailableException("can't listen to $channel: ${error.message}", error)
        context.subscriptions.on(channel).forEach { mailbox ->
            context.subscriptions.remove(mailbox)
            mailbox.end(why)
        }
    }

    private fun confirm(loss: Loss?) {
        val now = Instant.now()
        for (mailbox in context.subscriptions.all()) {
            if (mailbox.confirmedOn === this || mailbox.channel !in listening) continue
            when {
                mailbox.confirmedOn != null -> loss?.let { context.delivery.gap(mailbox, it.at, now, it.reason) }
                mailbox.startWithGap -> context.delivery.gap(mailbox, mailbox.since, now, "listening from here on")
            }
            mailbox.confirmedOn = this
            if (!doubted || verified) mailbox.heard()
        }
        context.delivery.flush()
    }

    private fun runErrands() {
        while (true) {
            val errand = context.errands.poll() ?: return
            val failure = context.watchdog.guard(connection, maxOf(errand.limitNanos, pingLimitNanos)) { errand.run(connection) }
            context.watchdog.guard(connection, pingLimitNanos) { connection.endTransaction() }
            glance(asleep = false)
            // A guest's error says little about the connection: ask it.
            if (failure != null) ping()
        }
    }

    private fun checkEcho() {
        try {
            echoCheck.step { glance(asleep = true) }
        } catch (e: Deaf) {
            provenAt = provenByEcho
            throw explained(e)
        }
    }

    /** Names the pooler, where there is one that hands out the server's connections by the transaction. */
    private fun explained(deaf: Deaf): Deaf {
        val pid =
            try {
                context.watchdog.guard(
                    connection,
                    pingLimitNanos,
                ) { connection.texts("SELECT pg_catalog.pg_backend_pid()").single().toInt() }
            } catch (e: SQLException) {
                return deaf.apply { addSuppressed(e) }
            }
        if (pid == pg.backendPID) return deaf
        return Deaf("${deaf.message}: a pooler stands in between (process $pid of the server answers, ${pg.backendPID} was announced)")
    }

    private fun ping() {
        val begun = Instant.now()
        val sent = System.nanoTime()
        val heard = context.watchdog.guard(connection, pingLimitNanos, ::listeningChannels)
        val answered = System.nanoTime()
        glance(asleep = false)
        nextPing = sent + pingNanos
        tellHook(sent, answered)
        val unheard = listening - heard
        if (unheard.isNotEmpty()) throw explained(Deaf("the server says this connection doesn't listen to ${unheard.joinToString()}"))
        provenAt = begun
    }

    private fun tellHook(
        sentNanos: Long,
        answeredNanos: Long,
    ) {
        try {
            hook?.onPing(sentNanos, answeredNanos)
        } catch (e: Exception) {
            context.reports.error(e, null)
        }
    }

    private fun listeningChannels(): Set<String> = connection.texts("SELECT pg_catalog.pg_listening_channels()").toHashSet()

    /** Waits for notifications, at most until there is something else to do. */
    private fun next(): Array<PGNotification>? {
        val millis = (minOf(untilPing(), echoCheck.untilDue()) / NANOS_PER_MILLI / stretch).toInt().coerceAtLeast(0) + SHORTEST_READ_MILLIS
        val begun = System.nanoTime()
        val limit = 2L * millis * NANOS_PER_MILLI + pingLimitNanos
        val found =
            context.watchdog.guard(connection, limit) {
                context.doorbell.sleepReading(glance = { pg.notifications }, read = { pg.getNotifications(millis) })
            }
        note()
        if (found.isNullOrEmpty()) stretch = if (System.nanoTime() - begun > millis * NANOS_PER_MILLI * 3 / 2) 2 else 1
        return found
    }

    /** Takes what has arrived already, [asleep] or together with the answer to a statement. */
    private fun glance(asleep: Boolean) {
        val found = context.watchdog.guard(connection, pingLimitNanos) { pg.notifications }
        note()
        receive(found, asleep)
    }

    private fun note() {
        connection.lastWords()?.let { said = it }
    }

    private fun receive(
        found: Array<PGNotification>?,
        asleep: Boolean = true,
    ) {
        if (found.isNullOrEmpty()) return
        val now = Instant.now()
        val proven = provenAt ?: now
        for (each in found) {
            if (each.name == context.echo.channel) {
                echoCheck.hear(each.parameter, asleep)?.let { begun ->
                    provenByEcho = begun
                    provenAt = begun
                }
            } else {
                val notification = Notification(each.name, each.parameter, each.pid, now)
                context.counters.received(now)
                context.reports.tell { onNotification(notification) }
                context.delivery.notification(notification, proven)
            }
        }
        context.delivery.flush()
    }

    private fun untilPing() = nextPing - System.nanoTime()

    private companion object {
        const val STATEMENTS_AT_ONCE = 500
        const val NANOS_PER_MILLI = 1_000_000L

        /** A timeout of 1 is pgjdbc's peek, which a prompt socket doesn't wait for. */
        const val SHORTEST_READ_MILLIS = 2
    }
}
