package io.numpool.internal.store;

import io.numpool.internal.jooq.routines.Poll;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * What a session holds (ticket to slot) and where it waits (ticket to place, 1 is first) in a pool, of one moment, in which life of the
 * server.
 */
public record Polled(
        Map<Long, Integer> held, Map<Long, Integer> waiting, boolean deleted, int capacity, UUID incarnation) {
    static Polled of(Poll answer) {
        return new Polled(
                map(answer.getHeldTicket(), answer.getHeldSlot()),
                map(answer.getWaitingTicket(), answer.getWaitingPlace()),
                answer.getDeleted(),
                answer.getPoolCapacity(),
                answer.getIncarnation());
    }

    private static Map<Long, Integer> map(Long[] tickets, Integer[] values) {
        Map<Long, Integer> map = new HashMap<>();
        for (int i = 0; i < tickets.length; i++) map.put(tickets[i], values[i]);
        return map;
    }
}
