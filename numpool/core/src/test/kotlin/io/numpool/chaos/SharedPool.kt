package io.numpool.chaos

/** What the clients share, and how big it is at first. */
internal enum class SharedPool(
    val capacity: Int,
    /** How many slots are asked for at once, at most. */
    val atOnce: Int,
) {
    NARROW(1, 1),
    FEW(3, 1),
    MANY(8, 3),
    ;

    val id: String get() = name.lowercase()
}
