package io.numpool.concurrent

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.fault.mayTake
import io.numpool.testkit.ChildJvm
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import org.jetbrains.lincheck.LincheckAssertionError
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions
import org.jetbrains.lincheck.datastructures.Operation
import org.jetbrains.lincheck.datastructures.forClasses
import java.time.Duration
import kotlin.reflect.KClass
import kotlin.time.Duration.Companion.minutes

/**
 * [Lincheck](https://github.com/JetBrains/lincheck) tries the ways in which threads can take turns, one memory access at a time. It rewrites
 * all classes of its process, which is therefore one of its own. As many scenarios each as `-Dnumpool.test.races=20` says, which take some
 * minutes; without it none is looked for.
 */
class RacesTest :
    FunSpec({
        mayTake(10.minutes)

        suspend fun verdictOn(races: KClass<*>): String =
            withContext(Dispatchers.IO) {
                ChildJvm.start(listOf("-XX:TieredStopAtLevel=4", "-Xmx1g"), RaceCheck::class.java, races.java.name).use {
                    it.awaitExit(Duration.ofMinutes(9))
                    it
                        .output()
                        .lines()
                        .filterNot { line -> line.startsWith("[WARN]") }
                        .joinToString("\n")
                }
            }

        if (Integer.getInteger("numpool.test.races") != null) {
            test("whoever ends the use of a slot, and when: it ends once, is given back once at most, and everybody sees the same") {
                verdictOn(HeldRaces::class) shouldContain RaceCheck.CLEAN
            }

            test("a slot that arrives while its session is lost, or it is taken away, is not used") {
                verdictOn(SessionRaces::class) shouldContain RaceCheck.CLEAN
            }

            test("an acquire that is granted, cancelled, out of time and closed at the same time leaves no slot behind") {
                verdictOn(AcquireRaces::class) shouldContain RaceCheck.CLEAN
            }

            test("a race that there is, is found") {
                val verdict = verdictOn(Racy::class)
                verdict shouldContain "Invalid execution results"
                (RaceCheck.CLEAN in verdict) shouldBe false
            }
        }
    })

/** What is to be checked, by the name of its class. */
internal object RaceCheck {
    const val CLEAN = "no race found"

    @JvmStatic
    fun main(arguments: Array<String>) {
        val (races) = arguments
        try {
            ModelCheckingOptions()
                .iterations(ITERATIONS)
                .invocationsPerIteration(INVOCATIONS)
                .threads(2)
                .actorsPerThread(ACTORS)
                .actorsBefore(0)
                .actorsAfter(0)
                .addGuarantee(forClasses { it.startsWith("org.slf4j.") || it.startsWith("java.util.") }.allMethods().treatAsAtomic())
                .check(Class.forName(races))
            println(CLEAN)
        } catch (e: LincheckAssertionError) {
            println(e.message)
        }
    }

    /** Scenarios of random operations. */
    private val ITERATIONS = Integer.getInteger("numpool.test.races", 1)
    private const val INVOCATIONS = 300
    private const val ACTORS = 3
}

class Racy {
    @Volatile private var value = 0

    @Operation
    fun inc(): Int = ++value
}
