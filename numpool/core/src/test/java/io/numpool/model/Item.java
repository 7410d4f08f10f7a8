package io.numpool.model;

import java.util.ArrayList;
import java.util.List;

/**
 * What was settled in a client and is to be told to the database.
 *
 * @param slot that is released or handed over
 * @param ticket of the holder, or of the place that is left
 * @param next the ticket that has the slot now
 * @param slots how many were asked for, of a place that is left
 */
record Item(Kind kind, int slot, int ticket, int next, int slots) {
    /** In the order in which the database sees to them. */
    enum Kind {
        RELEASE,
        HAND_OVER,
        CANCEL
    }

    /** What happened one after the other to one slot becomes one thing; the tickets in between are cancelled. */
    static List<Item> toldAsOne(List<Item> happened) {
        var told = new ArrayList<Item>();
        for (var item : happened) {
            var before = told.stream()
                    .filter(it -> it.kind == Kind.HAND_OVER && it.slot == item.slot && it.next == item.ticket)
                    .findAny();
            if (before.isEmpty()) {
                told.add(item);
                continue;
            }
            var from = before.get().ticket;
            var joined = item.kind == Kind.RELEASE ? release(item.slot, from) : handOver(item.slot, from, item.next);
            told.set(told.indexOf(before.get()), joined);
            told.add(cancel(item.ticket, 1));
        }
        return List.copyOf(told);
    }

    static Item release(int slot, int ticket) {
        return new Item(Kind.RELEASE, slot, ticket, 0, 1);
    }

    static Item cancel(int ticket, int slots) {
        return new Item(Kind.CANCEL, -1, ticket, 0, slots);
    }

    static Item handOver(int slot, int ticket, int next) {
        return new Item(Kind.HAND_OVER, slot, ticket, next, 1);
    }
}
