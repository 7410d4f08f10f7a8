package io.numpool.mutation

import java.nio.file.Path
import kotlin.io.path.readText

/** A defect that is made on purpose, and the test that must see it. */
internal class Mutant(
    /** What the code fails to do then. */
    val defect: String,
    val source: Source,
    val spec: String,
    val test: String,
    private val edits: List<Edit>,
) {
    /** One place of the source. In a function of the SQL, or anywhere in a file of Kotlin, [from] occurs once. */
    class Edit(
        val function: String?,
        val from: String,
        val to: String,
    )

    /** The source with the defect. */
    fun mutated(): String = edits.fold(source.text()) { text, edit -> edit.applied(text) }

    private fun Edit.applied(text: String): String {
        val begin = if (function == null) 0 else text.indexOf("CREATE FUNCTION $function(")
        check(begin >= 0) { "$source has no function $function" }
        val end = if (function == null) text.length else text.indexOf("\nEND $$;", begin)
        val within = text.substring(begin, end)
        val places = within.windowed(from.length).count { it == from }
        check(places == 1) { "'$from' is $places times in $source${function?.let { ", $it" }.orEmpty()}, must be there once: $defect" }
        return text.substring(0, begin) + within.replace(from, to) + text.substring(end)
    }

    override fun toString() = defect
}

/** A file of the library's. */
internal sealed class Source(
    private val file: Path,
) {
    fun text(): String = file.readText()

    /** The migration of the pools' line. */
    object Sql : Source(Path.of("../../db/src/main/resources/db/pool/V1__pool.sql")) {
        override fun toString() = "V1__pool.sql"
    }

    class Kotlin(
        val name: String,
    ) : Source(Path.of("src/main/kotlin/io/numpool/internal/$name.kt")) {
        override fun toString() = "$name.kt"
    }
}
