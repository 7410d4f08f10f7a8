package io.numpool.chaos

import io.numpool.Numpool
import io.numpool.StoreUnavailableException
import io.numpool.fault.PATIENCE
import io.numpool.fault.Pace
import io.numpool.testkit.History
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong
import kotlin.random.Random

/**
 * A process of its own that asks for slots of every pool in every way there is, again and again, writes down what it held and when, and
 * ends when it reads a line.
 */
internal object ChaosClient {
    @JvmStatic
    fun main(arguments: Array<String>): Unit =
        runBlocking(Dispatchers.Default) {
            val (url, name, file, seed) = arguments
            History.writingTo(Path.of(file), name).use { history ->
                val client = opened(url, name)
                say("ready")
                val stopped = AtomicBoolean()
                val requests = AtomicLong()
                val random = Random(seed.toLong())
                val workers =
                    SharedPool.entries.flatMap { pool ->
                        List(WORKERS) {
                            val worker =
                                ChaosWorker(client, pool, history, Random(random.nextLong())) { "$name.${requests.incrementAndGet()}" }
                            launch { worker.work { stopped.get() } }
                        }
                    }
                withContext(Dispatchers.IO) { readlnOrNull() }
                stopped.set(true)
                workers.joinAll()
                client.shutdown()
            }
            say("done")
        }

    /** As somebody does whose database may be away: until it is there. */
    private suspend fun opened(
        url: String,
        name: String,
    ): Numpool {
        while (true) {
            try {
                return Numpool.open(url) {
                    this.name = name
                    migrate = false
                    openTimeout = PATIENCE / 2 // it opens again, and is not waited for longer than PATIENCE
                    Pace.QUICK.set(this)
                }
            } catch (e: StoreUnavailableException) {
                say("not opened: ${e.message}")
            }
        }
    }

    @Synchronized
    fun say(line: String) {
        println(line)
        System.out.flush()
    }

    private const val WORKERS = 3
}
