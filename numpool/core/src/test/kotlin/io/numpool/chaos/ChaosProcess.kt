package io.numpool.chaos

import io.numpool.testkit.ChildJvm
import io.numpool.testkit.History
import io.numpool.testkit.TestDatabase
import io.numpool.testkit.WireProxy
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.withContext
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import java.time.Duration
import kotlin.random.Random

/** One of the client processes: the one that runs now, and its predecessors, behind a network of their own. */
internal class ChaosProcess(
    private val number: Int,
    private val database: TestDatabase,
    private val folder: Path,
    private val judge: History,
    private val random: Random,
) : AutoCloseable {
    val wire: WireProxy = WireProxy.inFrontOf(database)

    /** Held by what starts, stops or freezes it; and by what changes its network for a while. */
    val life: Mutex = Mutex()
    val network: Mutex = Mutex()

    private val clock = folder.resolve("clock-$number")
    private val ended = mutableListOf<ChildJvm>()
    private var lives = 0

    @Volatile private lateinit var current: ChildJvm

    @Volatile private lateinit var name: String

    suspend fun start() =
        withContext(Dispatchers.IO) {
            name = "client-$number-${lives++}"
            setClock("+0")
            current =
                ChildJvm.start(
                    Faketime.environment(clock),
                    listOf("-Xmx128m"),
                    ChaosClient::class.java,
                    wire.url(database),
                    name,
                    folder.resolve("$name.history").toString(),
                    "${random.nextLong()}",
                )
        }

    suspend fun awaitReady() = withContext(Dispatchers.IO) { current.lines().next("ready", STARTING) { it == "ready" } }

    suspend fun kill() =
        withContext(Dispatchers.IO) {
            judge.killed(name)
            end { it.kill() }
        }

    /** Lets it finish what it does, and waits for its end. */
    suspend fun finish() =
        withContext(Dispatchers.IO) {
            current.send("stop")
            end { check(it.awaitExit(FINISHING) == 0) { "$name did not end well:\n${it.output()}" } }
        }

    private fun end(how: (ChildJvm) -> Unit) {
        try {
            how(current)
        } finally {
            ended += current
        }
    }

    fun freeze() {
        judge.frozen(name)
        current.freeze()
    }

    fun thaw() = current.thaw()

    /** Its wall clock shows so much more than the machine's from now on, or in a second. */
    fun setClock(offset: String) {
        val next = Files.writeString(folder.resolve("clock-$number.next"), "$offset\n")
        Files.move(next, clock, StandardCopyOption.ATOMIC_MOVE)
    }

    /** What none of its lives should have said. */
    fun unexpected(): List<String> =
        ended.flatMap { it.output().lines() }.filter {
            it.startsWith("unexpected") ||
                it.startsWith("Exception")
        }

    override fun close() {
        if (::current.isInitialized) current.close()
        wire.close()
    }

    private companion object {
        val STARTING: Duration = Duration.ofSeconds(60)
        val FINISHING: Duration = Duration.ofSeconds(60)
    }
}
