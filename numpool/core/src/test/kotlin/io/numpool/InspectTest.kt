package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.matchers.collections.shouldBeEmpty
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldStartWith
import kotlinx.coroutines.coroutineScope

/** The kinds of damage, and a database that is busy, are tested with the command's doctor. */
class InspectTest :
    StageSpec({
        test("nothing is found where slots are held, waited for, locked and evicted") {
            coroutineScope {
                val (one, other) = sharedPool(3)
                val held = one.acquire()
                val two = other.acquire(2)
                val waiter = queued(other) { other.acquire(2) }
                other.withLock { }
                other.evict(held.index) shouldBe true
                stage.client().inspect().shouldBeEmpty()
                held.close()
                two.close()
                waiter.value().release()
            }
        }

        test("damage is found: the promise, the pool, what it is and what to do") {
            val client = stage.client()
            val pool = client.pool("it's damaged", 2)
            pool.acquire()
            stage.database.execute(
                "UPDATE numpool.pool_state SET usage = B'11' WHERE pool = (SELECT number FROM numpool.pool WHERE id = 'it''s damaged')",
            )
            val found = client.inspect().single()
            found.promise shouldBe "P1"
            found.pool shouldBe "it's damaged"
            found.what shouldBe "marked as held, and held by nobody: slot 1"
            found.advice shouldStartWith "No call does this: report it, unless somebody wrote to the tables. To mend it: "
            stage.database.execute(found.advice.substringAfter("To mend it: "))
            client.inspect().shouldBeEmpty()
        }

        test("a client that is closed") {
            val client = stage.client()
            client.close()
            shouldThrow<NumpoolClosedException> { client.inspect() }
        }
    })
