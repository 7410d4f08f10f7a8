package io.numpool.internal

import io.numpool.ResourceState
import io.numpool.internal.store.Renewed
import io.numpool.internal.store.StoreException
import io.numpool.internal.store.StoreException.Kind
import io.numpool.notify.ListenHook
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import org.slf4j.LoggerFactory
import java.net.InetAddress
import java.sql.Connection
import kotlin.random.Random

/**
 * Keeps this process's session alive, and is the first to know when it is not.
 *
 *     opening --> live --deadline passed, or the database says dead--> lost --> opening, as the successor of the lost one
 *
 * A live session is renewed every third of its ttl on any connection (the listener's when none is free), and attached to the listener's
 * connection: [ListenHook] attaches anew after each reconnect, before anybody is told of it.
 *
 * [live] is set by calls of [open], of which one at a time is not given up; a loss may come from anywhere, once. Both happen under
 * [lossLock].
 */
internal class SessionKeeper(
    private val engine: Engine,
) : ListenHook {
    private val log = LoggerFactory.getLogger(SessionKeeper::class.java)
    private val live = MutableStateFlow<Session?>(null)
    private val lossLock = Any()
    private val epochLock = Mutex()

    /** Guarded by [lossLock]. */
    private var openings = 0L
    private val ttl = engine.options.sessionTtl.toMillis()
    private val grace = engine.options.detachGrace.toMillis()

    /** Whose alive lock the listener's connection holds. Written on the listener's thread. */
    @Volatile private var attached: Session? = null

    /** Notifications were seen to arrive: from then on a new connection is attached at once. */
    @Volatile var listening = false

    /** What the server said on the connection that is gone. The listener's thread alone. */
    private var announced = ServerEnd.NOT_ANNOUNCED

    /** The URL of the last connection. The listener's thread alone. */
    private var server = ""

    val current: Session? get() = live.value

    fun isAttached(session: Session) = attached === session

    /** One that is about to be lost is not waited with: its end may take its time to be told to all. */
    suspend fun awaitLive(): Session = live.filterNotNull().first { it.lostBecause == null }

    /**
     * Opens a session, on [connection]; the predecessor is dead from then on. A call that was given up opens it, too, when it is answered
     * before another is made. Else what it opens is ended again.
     */
    fun open(
        connection: Connection,
        predecessor: Long?,
    ) {
        val turn = turn() ?: return
        val opened = Moment.now()
        val pid = ProcessHandle.current().pid()
        val options = engine.options
        val it = engine.store.openSession(connection, options.name, HOST, pid, ttl.toInt(), grace.toInt(), options.pollOnly, predecessor)
        val session = Session(it.id(), it.channel(), Deadline(ttl, grace, opened))
        if (engine.isClosed || !begin(session, turn)) {
            engine.store.endSession(connection, it.id())
            engine.store.forget(connection, it.id())
        }
    }

    /** Null when there is a session. */
    private fun turn(): Long? =
        synchronized(lossLock) {
            if (live.value?.let { it.lostBecause == null } == true) null else ++openings
        }

    private fun begin(
        session: Session,
        turn: Long,
    ): Boolean =
        synchronized(lossLock) {
            if (openings != turn) return false
            live.value = session
            true
        }

    /** From the first session on, until cancelled. */
    suspend fun run(scope: CoroutineScope) {
        while (true) {
            val session = awaitLive()
            val renewal = scope.launch { renew(session, scope) }
            engine.listener?.follow(session)
            engine.wakeLanes()
            watch(session)
            renewal.cancel()
            reopen(session)
            if (!listening && live.value != null) engine.hooks.reconnected() // else when it is attached
        }
    }

    private suspend fun watch(session: Session) {
        while (session.lostBecause == null) {
            val left = session.deadline.remainingMillis()
            if (left >
                0
            ) {
                delay(left.coerceAtMost(WATCH_MILLIS))
            } else {
                lose(session, "its deadline passed: ${session.deadline.missing()}")
            }
        }
    }

    private suspend fun reopen(lost: Session) {
        val backoff = Backoff()
        while (true) {
            if (engine.isClosed) awaitCancellation()
            try {
                return engine.bridge.run { open(it, lost.id) }
            } catch (e: StoreException) {
                log.debug("No new session yet", e)
                engine.unreachable(e)
                if (e.kind() == Kind.BUSY) engine.unblock()
                backoff.pause()
            }
        }
    }

    fun lose(
        session: Session,
        reason: String,
    ) {
        if (!end(session, reason) || engine.isClosed) return
        log.warn("Session {} of '{}' is lost: {}", session.id, engine.options.name, reason)
        engine.bridge.abortCalls()
        engine.hooks.disconnected(null)
    }

    /** No call of the session is made from now on, what is left of it is lost, and [releases] under way end so. False when it is over already. */
    fun end(
        session: Session,
        reason: String,
        releases: ResourceState = ResourceState.LOST,
    ): Boolean =
        synchronized(lossLock) {
            if (session.lostBecause != null) return false
            session.lose(reason, releases)
            live.compareAndSet(session, null)
        }

    // --- renewal

    private suspend fun renew(
        session: Session,
        scope: CoroutineScope,
    ) {
        while (true) {
            delay(ttl / 3 - Random.nextLong(ttl / 30 + 1))
            val backoff = Backoff(maxMillis = ttl / 12)
            while (!renewed(session, scope)) backoff.pause()
        }
    }

    private suspend fun renewed(
        session: Session,
        scope: CoroutineScope,
    ): Boolean {
        val own = scope.async { attemptRenewal(session) { engine.bridge.run(it) } }
        if (withTimeoutOrNull(ttl / 12) { own.await() } == true) return true
        val listener = engine.listener ?: return own.await()
        own.cancel() // its turn may not have come; when it is on its way, it counts
        return attemptRenewal(session) { listener.onConnection(it) }
    }

    private suspend fun attemptRenewal(
        session: Session,
        run: suspend ((Connection) -> Renewed) -> Renewed,
    ): Boolean =
        try {
            var sent = Moment.now()
            val answer =
                run { connection ->
                    sent = Moment.now()
                    engine.store.renew(connection, session.id, engine.lanesInUse())
                }
            session.evictAll(answer.evicted()) // before the renewal counts, as what is next
            session.allGone(answer.gone())
            session.deadline.renewed(sent)
            answer.gone().forEach(engine::gone)
            engine.answeredIn(answer.incarnation())
            true
        } catch (e: StoreException) {
            if (e.kind() == Kind.DEAD) lose(session, DECLARED)
            log.debug("Session {} could not be renewed", session.id, e)
            false
        }

    /** Above [seen], unless it was raised already. Calls of that epoch, and of earlier ones, then do nothing any more. */
    suspend fun raiseEpoch(
        session: Session,
        seen: Long,
    ) = epochLock.withLock {
        if (session.epoch <= seen) session.epoch = engine.bridge.run { engine.store.raiseEpoch(it, session.id, seen + 1) }
    }

    // --- the listener's thread

    override fun onOpen(connection: Connection) {
        announced = ServerEnd.NOT_ANNOUNCED
        server = connection.metaData.url
        // a function waits for a lock and reads afterwards: under any other isolation it would read what was before
        connection.transactionIsolation = Connection.TRANSACTION_READ_COMMITTED
        val session = live.value
        if (listening && session != null) attach(session, connection)
    }

    /** A ping counts when it came from the backend that holds the alive lock. */
    override fun onPing(
        sentNanos: Long,
        answeredNanos: Long,
    ) {
        attached?.deadline?.pinged(Moment.at(sentNanos))
    }

    override fun onLost(error: Throwable?) {
        attached = null
        announced = error?.let { ServerEnd.announcedBy(it, server) } ?: ServerEnd.NOT_ANNOUNCED
        if (listening) engine.hooks.disconnected(error)
    }

    /** A server that is gone judges nobody. Any other refusal may be a partition, behind which others go on. */
    override fun onConnectFailed(
        error: Throwable,
        begunNanos: Long,
        failedNanos: Long,
    ) {
        if (announced.isShownBy(error, failedNanos - begunNanos)) live.value?.deadline?.serverEnded()
    }

    fun attach(
        session: Session,
        connection: Connection,
    ) {
        val sent = Moment.now()
        session.deadline.attaching(sent)
        try {
            engine.answeredIn(engine.store.attach(connection, session.id, session.nextAttach()))
        } catch (e: StoreException) {
            if (e.kind() == Kind.DEAD) lose(session, DECLARED)
            throw e
        }
        session.deadline.pinged(sent)
        attached = session
        engine.hooks.reconnected()
    }

    companion object {
        private const val WATCH_MILLIS = 250L
        private const val DECLARED = "the database declared its session dead"
        val HOST: String = System.getenv("HOSTNAME") ?: runCatching { InetAddress.getLocalHost().hostName }.getOrDefault("localhost")
    }
}
