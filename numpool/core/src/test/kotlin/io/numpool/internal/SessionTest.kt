package io.numpool.internal

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.numpool.ResourceState
import io.numpool.concurrent.Unstarted
import io.numpool.internal.store.Evicted

/** What a session was told, and a slot of it that arrives afterwards: its grant may have been on its way for long. */
class SessionTest :
    FunSpec({
        /** A slot that arrives after [told], and the parts it belongs to. */
        fun arriving(told: Session.() -> Unit): Pair<Unstarted, Held> {
            val parts = Unstarted()
            val slot = parts.group().members.single()
            parts.session.told()
            parts.session.hold(slot)
            return parts to slot
        }

        test("a slot that arrives after the session was lost is lost, and nothing is given back") {
            val (parts, slot) = arriving { lose("its deadline passed", ResourceState.LOST) }
            slot.isOpen shouldBe false
            slot.awaitLost()?.message shouldBe "slot 0 of pool 'pool' (token 100) was lost: its deadline passed"
            slot.release() shouldBe ResourceState.LOST
            parts.givenBack() shouldBe 0
        }

        val orders =
            mapOf<String, Session.() -> Unit>(
                "it was evicted" to { evict(Evicted(1, Unstarted.POOL, 0, Unstarted.token(0))) },
                "its pool was deleted" to { allGone(listOf(Unstarted.POOL)) },
            )
        for ((name, told) in orders) {
            test("a slot that arrives after $name is lost, and given back once it is closed") {
                val (parts, slot) = arriving(told)
                slot.isOpen shouldBe false
                slot.state shouldBe ResourceState.LOST
                parts.givenBack() shouldBe 0
                slot.close()
                slot.close()
                parts.givenBack() shouldBe 1
            }
        }

        test("a slot that arrives after another was evicted is held") {
            val (_, slot) = arriving { evict(Evicted(1, Unstarted.POOL, 0, Unstarted.token(1))) }
            slot.isHeld shouldBe true
        }
    })
