package io.numpool.mutation

import io.kotest.assertions.withClue
import io.kotest.core.spec.style.FunSpec
import io.kotest.engine.spec.tempdir
import io.kotest.matchers.ints.shouldBeGreaterThanOrEqual
import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.fault.mayTake
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executors
import kotlin.io.path.readText
import kotlin.time.Duration.Companion.minutes

/**
 * Defects that are made on purpose, each in a copy, are seen by the tests that MUTATIONS.md names: all with `-Dnumpool.test.mutations=all`, so
 * many, not always the same, with a number, those whose defect has some text in it with that text. By default they are not tried.
 */
class MutationTest :
    FunSpec({
        mayTake(60.minutes)
        val laboratory = Laboratory(tempdir().toPath())
        val wanted = System.getProperty("numpool.test.mutations", "").ifEmpty { null }
        val chosen =
            when (wanted) {
                null -> listOf()
                "all" -> Mutants.all
                else if wanted.all { it.isDigit() } -> Mutants.all.shuffled().take(wanted.toInt())
                else -> Mutants.all.filter { wanted in it.defect }.also { check(it.isNotEmpty()) { "no defect has '$wanted' in it" } }
            }

        val threads = Executors.newFixedThreadPool(2) // trials mostly wait
        afterSpec { threads.shutdownNow() }

        test("there are enough, and each is one") {
            Mutants.all.size shouldBeGreaterThanOrEqual 25
            Mutants.all
                .map { it.defect }
                .distinct()
                .size shouldBe Mutants.all.size
            for (mutant in Mutants.all) mutant.mutated() shouldNotBe mutant.source.text()
        }

        test("MUTATIONS.md shows them as they are") {
            Path
                .of("MUTATIONS.md")
                .readText()
                .lines()
                .filter { it.startsWith("| ") }
                .drop(2) shouldBe
                Mutants.all.map { "| ${it.defect} | `${it.source}` | `${it.spec}`: ${it.test} |" }
        }

        for (mutant in chosen.distinctBy { it.source is Source.Kotlin }) {
            test("${mutant.source} without a defect: ${mutant.spec} passes") {
                laboratory.complaintWithoutDefect(mutant) shouldBe null
            }
        }

        val complaints by lazy { chosen.associateWith { CompletableFuture.supplyAsync({ laboratory.complaint(it) }, threads) } }
        for (mutant in chosen) {
            test("${mutant.source}, ${mutant.defect}: is seen") {
                val complaint = complaints.getValue(mutant).get()
                println("${mutant.defect}: $complaint")
                withClue("'${mutant.defect}' survives ${mutant.spec}, '${mutant.test}'") { complaint shouldNotBe null }
            }
        }
    })
