package io.numpool.testkit

/**
 * What a [FairnessProperty] saw, to be sure that it saw something.
 *
 * @property seed makes the same programs again
 * @property programs how many were run
 * @property asked how many slots were asked for
 * @property waited how many of these had to wait
 * @property left how many of those gave up
 */
public class FairnessReport internal constructor(
    public val seed: Long,
    public val programs: Int,
    public val asked: Int,
    public val waited: Int,
    public val left: Int,
) {
    override fun toString(): String = "fairness: seed $seed, $programs programs, $asked asked, $waited waited, $left left the queue"
}
