package io.numpool.mutation

import io.numpool.testkit.ChildJvm
import org.jetbrains.kotlin.cli.common.ExitCode
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PrintStream
import java.nio.file.Path
import java.time.Duration
import kotlin.io.path.createDirectories
import kotlin.io.path.isDirectory
import kotlin.io.path.writeText

/** Puts defects into copies, and runs tests on them in processes of their own. */
internal class Laboratory(
    private val folder: Path,
) {
    private val classPath = System.getProperty("java.class.path").split(File.pathSeparator)

    /** What the mutant's test says of its code: null when it passes. */
    fun complaint(mutant: Mutant): String? = complaint(mutant, mutant.mutated())

    /** What it says of the code as it is. */
    fun complaintWithoutDefect(mutant: Mutant): String? = complaint(mutant, mutant.source.text())

    private fun complaint(
        mutant: Mutant,
        text: String,
    ): String? {
        val options = listOf("-cp", classPathWith(mutant.source, text), "-Xmx512m", PATIENCE, RACES)
        ChildJvm.start(options, Trial::class.java, "io.numpool.${mutant.spec}", mutant.test).use { trial ->
            trial.awaitExit(BOUND)
            val last = trial.output().lines().last { line -> Trial.VERDICTS.any { line.startsWith(it) } }
            return when {
                last == Trial.PASSED -> null
                last.startsWith(Trial.FAILED) -> last.removePrefix(Trial.FAILED)
                else -> error("$mutant: $last")
            }
        }
    }

    private fun classPathWith(
        source: Source,
        text: String,
    ): String =
        when (source) {
            is Source.Sql -> withSql(text)
            is Source.Kotlin -> (listOf("${compiled(source.name, text)}") + classPath).joinToString(File.pathSeparator)
        }

    /** A migration is there once: its folder or jar is left out where the copy is. */
    private fun withSql(text: String): String {
        val migrations = Path.of("../../db/target/classes").toRealPath()
        val copy = folder.resolve("sql-${text.hashCode()}")
        if (!copy.isDirectory()) {
            migrations.toFile().copyRecursively(copy.toFile())
            copy.resolve("db/pool/V1__pool.sql").writeText(text)
        }
        val others = classPath.filterNot { isOfMigrations(it, migrations) }
        check(others.size == classPath.size - 1) { "the migrations are not once in $classPath" }
        return (listOf("$copy") + others).joinToString(File.pathSeparator)
    }

    private fun isOfMigrations(
        entry: String,
        classes: Path,
    ): Boolean =
        File(entry).let {
            it.exists() &&
                it.toPath().toRealPath().let { real -> real == classes || real.startsWith(classes.parent) }
        }

    @Synchronized
    private fun compiled(
        name: String,
        text: String,
    ): Path {
        val place = folder.resolve("$name-${text.hashCode()}")
        val source = place.resolve("source").createDirectories().resolve("$name.kt")
        val classes = place.resolve("classes").createDirectories()
        source.writeText(text)
        val complaints = ByteArrayOutputStream()
        val friends = Path.of("target/classes").toAbsolutePath()
        val code =
            K2JVMCompiler().exec(
                PrintStream(complaints, true),
                "-no-stdlib",
                "-no-reflect",
                "-module-name",
                MODULE,
                "-jvm-target",
                "17",
                "-Xfriend-paths=$friends",
                "-nowarn",
                "-classpath",
                classPath.joinToString(File.pathSeparator),
                "-d",
                "$classes",
                "$source",
            )
        check(code == ExitCode.OK) { "$name does not compile: $complaints" }
        return classes
    }

    private companion object {
        /** In the names of internal functions. */
        const val MODULE = "numpool-core"
        val BOUND: Duration = Duration.ofMinutes(3)

        const val RACES = "-Dnumpool.test.races=1"

        /** Most defects make somebody wait for what never comes. */
        const val PATIENCE = "-Dnumpool.test.patience=8"
    }
}
