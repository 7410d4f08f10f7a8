package io.numpool.testkit;

/** When a commit of the primary is acknowledged, in a {@link ReplicatedPostgres}. */
public enum Replication {
    /** When the standby has it on disk, for those who commit with {@code synchronous_commit} at {@code on} or higher. */
    SYNCHRONOUS,
    /** When the primary has it on disk; the standby may lack it. */
    ASYNCHRONOUS
}
