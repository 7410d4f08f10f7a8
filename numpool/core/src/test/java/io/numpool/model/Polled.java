package io.numpool.model;

import java.util.List;

/** What the database answers to a poll: what the session has, where it waits, and in which life of the server. */
record Polled(List<Lease> leases, List<Place> places, int incarnation) {
    boolean waits(int ticket) {
        return places.stream().anyMatch(place -> place.ticket() == ticket);
    }

    boolean has(int ticket) {
        return leases.stream().anyMatch(lease -> lease.ticket() == ticket);
    }
}
