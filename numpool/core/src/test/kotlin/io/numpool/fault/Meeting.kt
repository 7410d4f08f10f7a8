package io.numpool.fault

import io.numpool.testkit.Await
import io.numpool.testkit.TestDatabase
import org.postgresql.util.PSQLException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException

/**
 * Two clients whose calls meet, and a third that looks on. What comes of it must be what comes of the calls one after the other: the second
 * after the first, or before it, when it did not have to wait; and the second alone, when the first is rolled back.
 */
internal class Meeting(
    private val database: TestDatabase,
) : AutoCloseable {
    private val onlooker = Sql(database)
    private var first = Sql(database)
    private var second = Sql(database)
    private val inTurn = HashMap<List<Any>, Outcome>()

    private var scenes = 0

    var waited = 0
        private set
    var cameIn = 0
        private set

    /** What was answered, and what was left in the tables. */
    private data class Outcome(
        val answers: List<String>,
        val state: String,
    ) {
        val broken get() = state.lines().filter { it.startsWith("!") }

        fun describe(seen: Outcome) =
            "  but in turn $answers\n" + (state.lines() - seen.state.lines().toSet()).joinToString("") { "  - $it\n" } +
                (seen.state.lines() - state.lines().toSet()).joinToString("") { "  + $it\n" }
    }

    init {
        onlooker.prepareScenes()
        connect() // a database's settings are those of later connections
    }

    /** What is wrong with [b] begun while [a] is done and not committed; first [a] is committed, then it is rolled back. */
    fun faults(
        scene: Scene,
        a: Operation,
        b: Operation,
    ): List<String> {
        val waits = HashSet<Boolean>()
        val faults = mutableListOf(fault(scene, a, b, commits = true, waits))
        // who did not wait saw nothing of the first, and ended before it: that it is rolled back changes nothing
        if (true in waits || a.attaches) faults += fault(scene, a, b, commits = false, waits)
        return faults.filterNotNull()
    }

    private fun fault(
        scene: Scene,
        a: Operation,
        b: Operation,
        commits: Boolean,
        waits: MutableSet<Boolean>,
    ): String? {
        make(scene)
        first.connection.autoCommit = false
        val ofA = first.answer(a)
        val answering = later { second.answer(b) }
        val waited = isSeenWaiting(answering).also(waits::add)
        end(commits && !ofA.isRefusal, a.attaches)
        val ofB = answering.soon()
        val seen = Outcome(if (commits) listOf(ofA, ofB) else listOf(ofB), state())
        forgetLocks(listOf(a, b))
        if (waited) this.waited++ else cameIn++
        val allowed = allowed(scene, a, b, seen, commits, waited)
        if (seen in allowed && seen.broken.isEmpty()) return null
        val order = if (waited) "waits for" else "comes in before"
        return "$scene: '$b' $order '$a', which ${if (commits) "commits" else "is rolled back"}: " +
            "${(seen.answers + seen.broken).joinToString("\n  ")}\n${allowed.joinToString("") { it.describe(seen) }}"
    }

    private fun make(scene: Scene) {
        onlooker.call(scene.call)
        if (++scenes % SWEPT_AFTER == 0) onlooker.sweepScenes()
    }

    private fun allowed(
        scene: Scene,
        a: Operation,
        b: Operation,
        seen: Outcome,
        commits: Boolean,
        waited: Boolean,
    ) = buildList {
        add(inTurn(scene, listOfNotNull(a.takeIf { commits }, b)))
        if (commits && !waited) add(inTurn(scene, listOf(b, a)).let { it.copy(answers = it.answers.reversed()) })
        if (b.declined(seen.answers.last())) add(inTurn(scene, listOfNotNull(a.takeIf { commits }, b.rest)).copy(answers = seen.answers))
    }

    /** One after the other; what comes second is called on another connection here, too. */
    private fun inTurn(
        scene: Scene,
        operations: List<Operation>,
    ): Outcome =
        inTurn.getOrPut(listOf(scene, operations)) {
            make(scene)
            val answers = operations.mapIndexed { nth, it -> (if (nth == 0) first else second).answer(it) }
            Outcome(answers, state()).also { forgetLocks(operations) }
        }

    private fun isSeenWaiting(answering: CompletableFuture<*>): Boolean {
        while (!answering.isDone) {
            if (onlooker.seesWaiting(second)) return true
            answering.awaitMillis(1)
        }
        return false
    }

    private fun end(
        commits: Boolean,
        attached: Boolean,
    ) {
        if (commits) {
            first.connection.commit()
        } else if (attached) {
            first.close() // the alive lock outlives the transaction
            first = Sql(database)
        } else {
            first.connection.rollback()
        }
        first.connection.autoCommit = true
    }

    private fun forgetLocks(operations: List<Operation>) {
        if (operations.none { it.attaches }) return
        connect()
        Await.until("the alive locks are free") { onlooker.call("SELECT NOT EXISTS (SELECT FROM pg_locks WHERE $ADVISORY)") as Boolean }
    }

    private fun connect() {
        listOf(first, second).forEach { it.close() }
        first = Sql(database)
        second = Sql(database)
    }

    private fun state() = normal(onlooker.call(STATE) as String)

    override fun close() = listOf(first, second, onlooker).forEach { it.close() }

    private companion object {
        const val SWEPT_AFTER = 100
        const val ADVISORY = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    }
}

/** The answers of its calls, or the SQLSTATE of the one that is refused: its client would not go on. */
private fun Sql.answer(operation: Operation): String {
    val answers =
        operation.calls.map {
            try {
                normal("${call(it)}")
            } catch (e: PSQLException) {
                return e.sqlState
            }
        }
    return answers.joinToString(" / ")
}

private val String.isRefusal get() = matches(Regex("[0-9A-Z]{5}"))

private val RANDOM = Regex("(?!00000000-0000-0000-0000)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
private val MADE_NEW = Regex("\\b(9000\\d\\d|1[5-9]\\d{14})\\b|(?<=numpool_)[0-9a-f]{32}")

/** Without what differs from run to run: random values, new ids, tickets by the clock. */
private fun normal(text: String) = text.replace(RANDOM, "#").replace(MADE_NEW, "new")

private fun CompletableFuture<*>.awaitMillis(millis: Long) {
    try {
        get(millis, TimeUnit.MILLISECONDS)
    } catch (_: TimeoutException) {
        return
    } catch (_: ExecutionException) {
        return
    }
}
