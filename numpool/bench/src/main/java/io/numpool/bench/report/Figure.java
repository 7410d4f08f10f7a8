package io.numpool.bench.report;

/** What is measured. The names are those in the report's JSON. */
public enum Figure {
    PAIRS_PER_SECOND,
    /** From asking to the grant, as seen. */
    WAIT_P50_MICROS,
    WAIT_P90_MICROS,
    WAIT_P99_MICROS,
    WAIT_P999_MICROS,
    /** The same, corrected for what a closed loop does not see of stalls. */
    CORRECTED_P50_MICROS,
    CORRECTED_P90_MICROS,
    CORRECTED_P99_MICROS,
    CORRECTED_P999_MICROS,
    /** Of all client processes, as the operating system counts. */
    CLIENT_CPU_MICROS_PER_PAIR,
    /** Of the server with all of its processes. Those that ended in the window are not in it. */
    SERVER_CPU_MICROS_PER_PAIR,
    /** By the threads of the clients that lived at the end of the window. */
    ALLOCATED_BYTES_PER_PAIR,
    /** Of acquires: another asked at least 10 ms later and was served earlier. 0 to 1. */
    OVERTAKEN_SHARE,
    /** Found by the history checker, which goes by tickets. */
    OVERTAKES_BY_TICKET,
    DOUBLE_GRANTS,
    /** From the call that releases in one process to the grant in another. */
    HAND_OVER_P50_MICROS,
    HAND_OVER_P99_MICROS,
    /** Of grants: those after which the slot was another process's. 0 to 1. */
    HAND_OVER_SHARE,
    HEAP_BYTES,
    /** Client connections to the database, the most that were seen. */
    CONNECTIONS,
    CONNECTIONS_ALLOWED,
    /** Of the shared pool, by a release in another process. */
    GRANTS_FROM_OTHERS,
    /** Notifications about the shared pool, on the channels of all clients, for each such grant. */
    WAKE_UPS_PER_GRANT
}
