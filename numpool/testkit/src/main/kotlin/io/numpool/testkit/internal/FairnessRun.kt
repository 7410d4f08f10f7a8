package io.numpool.testkit.internal

import io.numpool.testkit.SuspendingPool
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.supervisorScope
import kotlinx.coroutines.withTimeoutOrNull

/**
 * One program on one pool, beside a model of it: who holds, and who waits in which order. After each step it waits until the pool is
 * where the model is, and fails when it goes elsewhere.
 */
@OptIn(ExperimentalCoroutinesApi::class)
internal class FairnessRun<R : Any>(
    private val pool: SuspendingPool<R>,
    private val patienceMillis: Long,
    private val tally: Tally,
) {
    private inner class Request(
        val number: Int,
        val client: Int,
        val answer: Deferred<R>,
    ) {
        val resource: R get() = answer.getCompleted()

        override fun toString() = "request $number of client $client"
    }

    private val held = mutableListOf<Request>()
    private val queue = ArrayDeque<Request>()
    private var requests = 0

    suspend fun run(program: List<Step>) {
        supervisorScope {
            try {
                program.forEach { step(it) }
                empty()
                nothingIsLeftBehind()
            } catch (failed: Throwable) {
                (queue + held).forEach { request -> runCatching { abandon(request) }.onFailure(failed::addSuppressed) }
                throw failed
            }
        }
    }

    private suspend fun CoroutineScope.step(step: Step) {
        when (step.act) {
            Act.ASK -> ask(step.which)
            Act.RELEASE -> if (held.isNotEmpty()) pool.release(held.removeAt(step.which % held.size).resource)
            Act.LEAVE -> if (queue.isNotEmpty()) leave(queue.removeAt(step.which % queue.size))
            Act.RELEASE_WHILE_ASKING -> if (held.isNotEmpty()) releaseWhileAsking(step.which)
        }
        settle()
    }

    private fun CoroutineScope.ask(which: Int) {
        val client = which % pool.clients
        queue += Request(++requests, client, async(Dispatchers.Default) { pool.acquire(client) })
        tally.asked.incrementAndGet()
        if (held.size >= pool.capacity) tally.waited.incrementAndGet()
    }

    // Whoever stood in the queue before goes first, however the two race.
    private suspend fun CoroutineScope.releaseWhileAsking(which: Int) {
        val released = held.removeAt(which % held.size)
        val release = launch(Dispatchers.Default) { pool.release(released.resource) }
        ask(which)
        release.join()
    }

    private suspend fun leave(request: Request) {
        tally.left.incrementAndGet()
        request.answer.cancelAndJoin()
        if (!request.answer.isCancelled) {
            throw AssertionError("$request left the queue and was granted ${pool.slot(request.resource)}: ${state()}")
        }
    }

    private suspend fun settle() {
        while (held.size < pool.capacity && queue.isNotEmpty()) {
            awaitGrant(queue.first())
            held += queue.removeFirst()
        }
        awaitThat("${queue.size} in the queue") {
            refuseGrants(queue, "more holders than slots")
            pool.waiting() == queue.size
        }
        val slots = held.map { pool.slot(it.resource) }
        if (slots.toSet().size < slots.size) throw AssertionError("a slot has two holders: ${state()}")
    }

    // One step frees one slot at most: a grant to anybody else is an overtake, even if the first is granted later.
    private suspend fun awaitGrant(first: Request) {
        awaitThat("$first to be granted") {
            val granted = first.answer.isCompleted
            if (!granted) refuseGrants(queue.drop(1), "$first was overtaken")
            granted
        }
        first.answer.getCompletionExceptionOrNull()?.let { throw AssertionError("$first failed: $it; ${state()}", it) }
    }

    private suspend fun refuseGrants(
        waiters: List<Request>,
        what: String,
    ) {
        val served = waiters.filter { it.answer.isCompleted }
        if (served.isNotEmpty()) throw AssertionError("$what: served out of turn: $served; ${state()}")
    }

    private suspend fun empty() {
        while (queue.isNotEmpty()) leave(queue.removeLast())
        while (held.isNotEmpty()) pool.release(held.removeLast().resource)
        settle()
    }

    private suspend fun CoroutineScope.nothingIsLeftBehind() {
        repeat(pool.capacity) {
            ask(it)
            settle()
        }
        empty()
    }

    private suspend fun awaitThat(
        what: String,
        holds: suspend () -> Boolean,
    ) {
        withTimeoutOrNull(patienceMillis) {
            while (!holds()) delay(PAUSE_MILLIS)
        } ?: throw AssertionError("waited $patienceMillis ms for $what: ${state()}")
    }

    private suspend fun abandon(request: Request) {
        request.answer.cancelAndJoin()
        if (!request.answer.isCancelled) pool.release(request.resource)
    }

    private suspend fun state() = "capacity ${pool.capacity}, model holds $held, queue $queue, pool says ${pool.waiting()} wait"

    private companion object {
        const val PAUSE_MILLIS = 1L
    }
}
