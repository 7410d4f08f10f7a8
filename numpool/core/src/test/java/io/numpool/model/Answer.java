package io.numpool.model;

import java.util.List;

/**
 * What the database answers to a {@link Call}.
 *
 * @param settled by item: whether it changed anything
 * @param outcomes by wish
 * @param mine leases of the caller that it may not know of: in a retry all that it had before it asked, and of several slots those after the
 *     first
 * @param others grants to others, which the caller announces
 * @param foreign the earliest ticket of another session that waits
 * @param incarnation in which life of the server
 */
record Answer(
        List<Boolean> settled,
        List<Outcome> outcomes,
        List<Lease> mine,
        List<Lease> others,
        int foreign,
        int incarnation) {}
