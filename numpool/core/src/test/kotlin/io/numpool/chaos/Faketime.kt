package io.numpool.chaos

import java.nio.file.Files
import java.nio.file.Path

/**
 * [libfaketime](https://github.com/wolfcw/libfaketime), where it is installed: it shows a process another wall clock, and leaves the
 * monotonic one alone.
 */
internal object Faketime {
    private val library: Path? =
        System
            .getProperty("numpool.test.faketime")
            ?.takeIf { it.isNotEmpty() }
            ?.let { Path.of(it).also { file -> check(Files.isRegularFile(file)) { "numpool.test.faketime is '$file', must be a file" } } }
            ?: System.getProperty("os.arch").let { if (it == "amd64") "x86_64" else it }.let { arch ->
                listOf("/usr/lib/$arch-linux-gnu/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1")
                    .map { Path.of(it) }
                    .firstOrNull { Files.isRegularFile(it) }
            }

    val isHere: Boolean = library != null

    /** For a process that reads from this file how far off its wall clock is, such as `+3.5`, once a second. */
    fun environment(clock: Path): Map<String, String> =
        library?.let {
            mapOf(
                "LD_PRELOAD" to "$it",
                "FAKETIME_TIMESTAMP_FILE" to "$clock",
                "FAKETIME_CACHE_DURATION" to "1",
                "FAKETIME_DONT_FAKE_MONOTONIC" to "1",
                "FAKETIME_FORCE_MONOTONIC_FIX" to "0", // else a JVM's timed waits burn both processors
            )
        } ?: mapOf()
}
