package io.numpool.notify.internal

/** The connection works, but notifications don't arrive on it. */
internal class Deaf(
    message: String,
) : Exception(message)
