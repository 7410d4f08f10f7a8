package io.numpool

/** Something in the database that is not as it should be. */
@JvmRecord
public data class Finding(
    /** The promise that does not hold any more, `P1` to `P8`, as `db/README.md` lists them under `inspect()`. */
    val promise: String,
    /** Id of the pool; null when it is not about one. */
    val pool: String?,
    /** What was found. */
    val what: String,
    /** What to do about it. */
    val advice: String,
)
