package io.numpool.fault

import io.numpool.Numpool
import io.numpool.Resource
import io.numpool.ResourcePool
import io.numpool.testkit.Await
import io.numpool.testkit.ChildJvm
import io.numpool.testkit.TestDatabase
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * A process of its own with a client, for the test to command line by line: `acquire`, `use` (does something with its slot if that is still
 * held), `release`. Tells what comes of it.
 */
internal object Participant {
    @JvmStatic
    fun main(arguments: Array<String>): Unit =
        runBlocking(Dispatchers.Default) {
            val (url, poolId, pace) = arguments
            Numpool
                .open(url) {
                    name = "participant"
                    migrate = false
                    openTimeout = PATIENCE
                    Pace.valueOf(pace).set(this)
                }.use { client ->
                    client.awaitListening()
                    obey(client.pool(poolId))
                }
        }

    private suspend fun CoroutineScope.obey(pool: ResourcePool) {
        say("ready")
        var held: Resource? = null
        for (line in generateSequence(::readlnOrNull)) {
            when (line) {
                "acquire" -> held = pool.acquire().also { say("held ${it.index} ${it.token}") }
                "queue" -> launch { held = pool.acquire().also { say("held ${it.index} ${it.token}") } }
                "watch" -> held!!.let { launch { say("lost ${it.awaitLost() != null}") } }
                "use" -> say(if (held!!.isHeld) "used" else "not held")
                "release" -> say("released ${held!!.release()}")
            }
        }
    }

    private fun say(line: String) {
        println(line)
        System.out.flush()
    }
}

/** Starts a [Participant] that takes part in this pool, and is known by its connection: till then its death is told by its TTL alone. */
internal fun TestDatabase.participant(
    pool: String,
    pace: Pace = Pace.DEFAULT,
): ChildJvm =
    ChildJvm.start(Participant::class.java, urlWithPassword(), pool, pace.name).also {
        it.expect("ready")
        Await.until("it is attached") { query("SELECT mode FROM numpool.session WHERE (who).pid = ${it.pid()}") == "attached" }
    }

internal class Told(
    line: String,
) {
    val slot: Int = line.trim().substringBefore(' ').toInt()
    val token: Long = line.trim().substringAfter(' ').toLong()
}

/** Has it acquire, and waits for the slot. */
internal fun ChildJvm.hold(): Told {
    send("acquire")
    return Told(expect("held"))
}
