package io.numpool.testkit;

/** Which way bytes go through a {@link WireProxy}. */
public enum WireDirection {
    /** From the client. */
    TO_SERVER,
    /** From the server. */
    TO_CLIENT
}
