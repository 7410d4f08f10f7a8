package io.numpool.mutation

import io.kotest.common.KotestInternal
import io.kotest.core.descriptors.Descriptor
import io.kotest.core.spec.Spec
import io.kotest.core.spec.SpecRef
import io.kotest.core.test.TestCase
import io.kotest.engine.TestEngineLauncher
import io.kotest.engine.extensions.filter.DescriptorFilter
import io.kotest.engine.extensions.filter.DescriptorFilterResult
import io.kotest.engine.listener.AbstractTestEngineListener
import io.kotest.engine.test.TestResult
import kotlinx.coroutines.runBlocking
import kotlin.system.exitProcess

/** Runs one test of a spec, in a process whose class path has the defect, and tells what came of it. */
@OptIn(KotestInternal::class)
internal object Trial {
    const val PASSED = "trial passed"
    const val FAILED = "trial failed: "
    private const val ENGINE_FAILED = "the engine failed: "
    private const val NOT_FOUND = "no test of "
    val VERDICTS = listOf(PASSED, FAILED, ENGINE_FAILED, NOT_FOUND)

    @JvmStatic
    fun main(arguments: Array<String>) {
        val (spec, test) = arguments
        val verdict = Verdict(test)
        val result =
            runBlocking {
                TestEngineLauncher()
                    .withListener(verdict)
                    .withSpecRefs(SpecRef.Reference(Class.forName(spec).asSubclass(Spec::class.java).kotlin, spec))
                    .addExtensions(Only(test))
                    .execute()
            }
        println(result.errors.firstOrNull()?.let { "$ENGINE_FAILED$it" } ?: verdict.line ?: "$NOT_FOUND$spec begins with '$test'")
        System.out.flush()
        exitProcess(0) // whatever the defect keeps alive
    }

    private class Only(
        private val test: String,
    ) : DescriptorFilter {
        override fun filter(descriptor: Descriptor): DescriptorFilterResult =
            if (descriptor is Descriptor.SpecDescriptor || descriptor.id.value.startsWith(test)) {
                DescriptorFilterResult.Include
            } else {
                DescriptorFilterResult.Exclude("not this one")
            }
    }

    private class Verdict(
        private val test: String,
    ) : AbstractTestEngineListener() {
        @Volatile var line: String? = null
            private set

        override suspend fun testFinished(
            testCase: TestCase,
            result: TestResult,
        ) {
            if (!testCase.name.name.startsWith(test)) return
            line = result.errorOrNull?.let { FAILED + "$it".lineSequence().first() } ?: PASSED
        }
    }
}
