package io.numpool.internal

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe

class StandStillTest :
    FunSpec({
        class Stage {
            var millis = 0L
            val watched = StandStill<String> { millis * 1_000_000 }

            fun at(
                millis: Long,
                vararg sights: Pair<String, Sight>,
            ) {
                this.millis = millis
                watched.observe(mapOf(*sights))
            }
        }

        fun stage(test: Stage.() -> Unit) = Stage().test()

        val once = "one" to Sight("once", 100)
        val again = "one" to Sight("again", 100)

        test("a value is over when it was observed for its time") {
            stage {
                at(1_000, once)
                watched.isOver("one") shouldBe false
                at(1_099, once)
                watched.isOver("one") shouldBe false
                at(1_100, once)
                watched.isOver("one") shouldBe true
                watched.isOver("other") shouldBe false
            }
        }

        test("time alone ends nothing: it may have changed since it was observed") {
            stage {
                at(1_000, once)
                millis = 5_000
                watched.isOver("one") shouldBe false
            }
        }

        test("another value begins anew, and so does one that was away in between") {
            stage {
                at(1_000, once)
                at(1_050, again)
                at(1_149, again)
                watched.isOver("one") shouldBe false
                at(1_150)
                at(1_151, again)
                watched.isOver("one") shouldBe false
                at(1_251, again)
                watched.isOver("one") shouldBe true
            }
        }

        test("who forgets begins anew") {
            stage {
                at(1_000, once)
                watched.forget()
                at(1_100, once)
                watched.isOver("one") shouldBe false
            }
        }

        test("the next to be over is told, to the millisecond after it, and not what is over already") {
            stage {
                watched.millisToNext() shouldBe null
                at(1_000, once, "other" to Sight("once", 300))
                watched.millisToNext() shouldBe 101
                millis = 1_060
                watched.millisToNext() shouldBe 41
                at(1_100, once, "other" to Sight("once", 300))
                watched.millisToNext() shouldBe 201
                millis = 1_500
                watched.millisToNext() shouldBe 1
            }
        }
    })
