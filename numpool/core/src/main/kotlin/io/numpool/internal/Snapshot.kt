package io.numpool.internal

/** A copy of what others may be changing. Kotlin's `toList` takes the only element of a collection of one, which may be gone by then. */
internal fun <T> Collection<T>.snapshot(): List<T> = ArrayList(this)
