package io.numpool.testkit

import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.string.shouldContain
import java.nio.file.Path
import kotlin.io.path.readText

class ReadmeTest :
    FunSpec({
        test("README's test of somebody's own pool is the one that runs here") {
            val example =
                Path
                    .of("../../README.md")
                    .readText()
                    .substringAfter("```kotlin\nclass MyPoolTest")
                    .substringBefore("```")
            val compiled = Path.of("src/test/kotlin/io/numpool/testkit/MyPoolTest.kt").readText()
            words(compiled) shouldContain words("class MyPoolTest$example")
        }
    })

/** Without comments, and however it is laid out. */
private fun words(code: String) =
    code
        .lines()
        .joinToString(" ") { it.substringBefore(" // ") }
        .trim()
        .replace(Regex("\\s+"), " ")
