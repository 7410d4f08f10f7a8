package io.numpool.fault

import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method
import java.lang.reflect.Proxy
import java.sql.CallableStatement
import java.sql.Connection
import java.sql.PreparedStatement
import java.sql.SQLException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicReference
import javax.sql.DataSource
import kotlin.concurrent.thread

/**
 * Connections of another DataSource that break on demand: all of them and for good ([cut]: to the database it is as if the process had been
 * killed), or around a call of one [function].
 */
internal class FaultyDataSource(
    private val real: DataSource,
) : DataSource by real {
    private val open: MutableSet<Connection> = ConcurrentHashMap.newKeySet()
    private val unanswered = AtomicInteger()
    private val unsent = AtomicInteger()
    private val held = AtomicInteger()
    private val stalled = AtomicReference<Stall?>()
    private val stalledAnswer = AtomicReference<Stall?>()
    private val thrown = AtomicReference<Throwable?>()

    /** Of the database; its calls are those that break. */
    @Volatile var function = "exchange"

    @Volatile private var late: LateCalls? = null

    @Volatile private var isCut = false

    @Volatile private var thenCut = false

    /** Calls whose answer was lost, or that were lost on the way, so far. */
    val broken = AtomicInteger()

    /** Connections that were asked for while it was cut off, so far. */
    val refused = AtomicInteger()

    /** Every connection breaks and none is made any more, until [mend]. */
    fun cut() {
        isCut = true
        open.forEach { it.abort(DIRECTLY) }
    }

    fun mend() {
        isCut = false
        thenCut = false
    }

    /** The next call is done, but its answer is lost with the connection. */
    fun loseNextAnswer() {
        unanswered.incrementAndGet()
    }

    /** The same, and every connection breaks with it, until [mend]. */
    fun loseNextAnswerAndAllElse() {
        thenCut = true
        unanswered.incrementAndGet()
    }

    /** The next call is lost with the connection, and never arrives. */
    fun loseNextCall() {
        unsent.incrementAndGet()
    }

    /** For the client the next call is lost; it arrives when [LateCalls.arrive] says. */
    fun delayNextCall(): LateCalls {
        val calls = LateCalls()
        late = calls
        held.incrementAndGet()
        return calls
    }

    /** The next call is sent only when [Stall.end] says. */
    fun stallNextCall(): Stall = Stall().also { stalled.set(it) }

    /** The next call is done; its answer arrives only when [Stall.end] says. */
    fun stallNextAnswer(): Stall = Stall().also { stalledAnswer.set(it) }

    /** The next call is not sent: the driver throws instead. */
    fun throwNext(failure: Throwable) {
        thrown.set(failure)
    }

    class Stall {
        private val reached = CountDownLatch(1)
        private val gate = CountDownLatch(1)

        val isReached: Boolean get() = reached.count == 0L

        fun end(): Unit = gate.countDown()

        internal fun pass() {
            reached.countDown()
            gate.await()
        }
    }

    /** None of what was asked for and did not happen yet. */
    fun spareCalls() {
        unanswered.set(0)
        unsent.set(0)
        held.set(0)
        late?.arriveSometime()
    }

    class LateCalls {
        private val gate = CountDownLatch(1)
        private val done = CountDownLatch(1)

        @Volatile private var failure: SQLException? = null

        fun arriveSometime(): Unit = gate.countDown()

        /** Lets the call arrive now, and waits for what becomes of it: the refusal, or null when it was done. */
        fun arrive(): SQLException? {
            gate.countDown()
            done.await()
            return failure
        }

        internal fun send(
            connection: Connection,
            call: () -> Unit,
        ) {
            thread(isDaemon = true, name = "late call") {
                gate.await()
                try {
                    call()
                } catch (e: InvocationTargetException) {
                    failure = e.targetException as SQLException
                } finally {
                    connection.close()
                    done.countDown()
                }
            }
        }
    }

    override fun getConnection(): Connection {
        if (isCut) {
            refused.incrementAndGet()
            throw SQLException("cut off", UNREACHABLE)
        }
        val connection = real.connection
        open += connection
        if (isCut) connection.abort(DIRECTLY)
        return Proxied(connection).proxy
    }

    private inner class Proxied(
        private val connection: Connection,
    ) {
        /** A call that is still to come needs the connection. */
        @Volatile private var isKept = false

        val proxy: Connection =
            proxy(Connection::class.java) { method, arguments ->
                when (method.name) {
                    "close", "abort" -> if (!isKept) leave(method, arguments)
                    "prepareCall", "prepareStatement" -> statement(method.on(connection, arguments), arguments!![0] as String)
                    else -> method.on(connection, arguments)
                }
            }

        private fun leave(
            method: Method,
            arguments: Array<Any?>?,
        ) {
            method.on(connection, arguments)
            open -= connection
        }

        private fun statement(
            statement: Any?,
            sql: String,
        ): Any? {
            if (function !in sql) return statement
            val callable = statement is CallableStatement
            val type: Class<out PreparedStatement> = if (callable) CallableStatement::class.java else PreparedStatement::class.java
            return proxy(type) { method, arguments ->
                when {
                    method.name.startsWith("execute") -> execute(method, statement, arguments)
                    method.name == "close" && isKept -> null
                    else -> method.on(statement, arguments)
                }
            }
        }

        private fun execute(
            method: Method,
            statement: Any?,
            arguments: Array<Any?>?,
        ): Any? {
            stalled.getAndSet(null)?.pass()
            thrown.getAndSet(null)?.let { throw it }
            if (unsent.takeOne()) breakDown()
            if (held.takeOne()) {
                isKept = true
                late!!.send(connection) { method.invoke(statement, *(arguments ?: emptyArray())) }
                throw broken()
            }
            val answer = method.on(statement, arguments)
            stalledAnswer.getAndSet(null)?.pass()
            if (unanswered.takeOne()) {
                if (thenCut) cut()
                breakDown()
            }
            return answer
        }

        private fun breakDown(): Nothing {
            connection.abort(DIRECTLY)
            throw broken()
        }

        private fun broken(): SQLException {
            broken.incrementAndGet()
            return SQLException("the connection broke, as the test wants it", BROKEN)
        }
    }

    private fun AtomicInteger.takeOne() = getAndUpdate { if (it > 0) it - 1 else 0 } > 0

    private companion object {
        const val UNREACHABLE = "08001"
        const val BROKEN = "08006"
        val DIRECTLY = Executor { it.run() }

        fun Method.on(
            target: Any?,
            arguments: Array<Any?>?,
        ): Any? =
            try {
                invoke(target, *(arguments ?: emptyArray()))
            } catch (e: InvocationTargetException) {
                throw e.targetException
            }

        @Suppress("UNCHECKED_CAST")
        fun <T> proxy(
            type: Class<T>,
            handler: (Method, Array<Any?>?) -> Any?,
        ): T =
            Proxy.newProxyInstance(
                FaultyDataSource::class.java.classLoader,
                arrayOf(type),
            ) { _, method, arguments -> handler(method, arguments) } as T
    }
}
