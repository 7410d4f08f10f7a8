package io.numpool.model;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * One pool and its sessions as the database has them. Each method that changes something is a transaction. Tickets and sessions are
 * numbered from 1.
 */
final class Tables {
    static final int NONE = Integer.MAX_VALUE;

    private final Set<Rule> without;

    /** Slots from here on are not granted. */
    private int capacity;

    /** By slot; null is free. */
    private Lease[] leases;

    /** By ticket. */
    private final List<Place> queue;

    private int last;

    /** Of each session, from number 1 on. */
    private final List<SessionRow> sessions;

    /** Slots that are to be given back. */
    private int marks;

    private int incarnation = 1;

    /** What a crash goes back to; null when all of this is on disk. */
    private Tables onDisk;

    /** Repaired: what a dead one had is given on. */
    private record SessionRow(int epoch, boolean isDead, boolean isRepaired) {}

    Tables(int slots, Set<Rule> without) {
        this.without = without;
        capacity = slots;
        leases = new Lease[slots];
        queue = new ArrayList<>();
        sessions = new ArrayList<>();
    }

    private Tables(Tables other) {
        without = other.without;
        capacity = other.capacity;
        leases = other.leases.clone();
        queue = new ArrayList<>(other.queue);
        last = other.last;
        sessions = new ArrayList<>(other.sessions);
        marks = other.marks;
        incarnation = other.incarnation;
        onDisk = other.onDisk; // is never changed
    }

    Tables copy() {
        return new Tables(this);
    }

    // --- sessions

    /** Ends the one before it, if there is one (else 0). */
    int open(int predecessor) {
        if (predecessor != 0) {
            declareDead(predecessor);
        }
        onDisk = null;
        sessions.add(new SessionRow(0, false, false));
        return sessions.size();
    }

    void declareDead(int session) {
        var it = row(session);
        sessions.set(session - 1, new SessionRow(it.epoch(), true, it.isRepaired()));
        onDisk = null;
    }

    int raiseEpoch(int session, int to) {
        var it = row(session);
        sessions.set(session - 1, new SessionRow(Math.max(it.epoch(), to), it.isDead(), it.isRepaired()));
        onDisk = null;
        return Math.max(it.epoch(), to);
    }

    /** Frees what a dead session has, and grants it on; answers the grants. */
    List<Lease> repair(int session) {
        var it = row(session);
        sessions.set(session - 1, new SessionRow(it.epoch(), it.isDead(), true));
        onDisk = null;
        if (without.contains(Rule.REPAIR)) {
            return List.of();
        }
        queue.removeIf(place -> place.session() == session);
        for (var slot = 0; slot < leases.length; slot++) {
            if (leases[slot] != null && leases[slot].session() == session) {
                free(slot);
            }
        }
        return grant();
    }

    boolean isAlive(int session) {
        return !row(session).isDead();
    }

    boolean isToBeRepaired(int session) {
        return row(session).isDead() && !row(session).isRepaired();
    }

    int sessions() {
        return sessions.size();
    }

    private SessionRow row(int session) {
        return sessions.get(session - 1);
    }

    // --- the pool

    /** Null when it is refused, and has done nothing. */
    Answer exchange(Call call) {
        var isOutdated = call.epoch() != row(call.session()).epoch() && !without.contains(Rule.EPOCH);
        if (isOutdated || !isAlive(call.session()) && !without.contains(Rule.DEAD_IS_REFUSED)) {
            return null;
        }
        var before = onDisk == null ? copy() : onDisk;
        var settled = settle(call.session(), call.settled());
        var grants = without.contains(Rule.GRANT_ON_FREE) && call.wishes().isEmpty() ? List.<Lease>of() : grant();
        var mine = new ArrayList<Lease>();
        var others = new ArrayList<Lease>();
        grants.forEach(each -> (each.session() == call.session() ? mine : others).add(each));
        var known = call.isRetry() ? known(call.session()) : new Polled(List.of(), List.of(), incarnation);
        if (call.isRetry()) {
            mine.clear();
            mine.addAll(known.leases());
        }
        var ticketsBefore = last;
        var outcomes = new ArrayList<Outcome>();
        for (var wish : call.wishes()) {
            outcomes.add(serve(call, wish, known, mine));
        }
        var isLazy = call.wishes().isEmpty() && grants.isEmpty() && isOfReleases(call);
        onDisk = isLazy || without.contains(Rule.GRANTS_ARE_DURABLE) ? before : null;
        checkRequests(call, ticketsBefore);
        return new Answer(settled, outcomes, mine, others, foreign(call.session()), incarnation);
    }

    private static boolean isOfReleases(Call call) {
        return call.settled().stream().allMatch(item -> item.kind() == Item.Kind.RELEASE);
    }

    private List<Boolean> settle(int by, List<Item> items) {
        var done = new Boolean[items.size()];
        var before = leases.clone();
        var order = new ArrayList<Integer>();
        for (var i = 0; i < items.size(); i++) {
            order.add(i);
        }
        order.sort((a, b) -> items.get(a).kind().compareTo(items.get(b).kind()));
        for (var i : order) {
            var item = items.get(i);
            done[i] = switch (item.kind()) {
                case RELEASE -> release(by, item.slot(), item.ticket());
                case CANCEL -> cancel(by, item.ticket(), item.slots());
                case HAND_OVER -> handOver(by, item, before);
            };
        }
        return List.of(done);
    }

    private boolean release(int by, int slot, int ticket) {
        var held = slot < leases.length ? leases[slot] : null;
        var isTheirs = held != null && held.ticket() == ticket && held.session() == by;
        if (isTheirs || held != null && without.contains(Rule.OWNERSHIP)) {
            free(slot);
            return true;
        }
        return false;
    }

    private boolean cancel(int by, int ticket, int slots) {
        if (queue.removeIf(place -> place.ticket() == ticket && place.session() == by)) {
            return true;
        }
        return !without.contains(Rule.CANCEL_FREES) && freeTickets(by, ticket, slots);
    }

    private boolean freeTickets(int by, int from, int count) {
        var found = false;
        for (var slot = 0; slot < leases.length; slot++) {
            var held = leases[slot];
            if (held != null && held.session() == by && held.ticket() >= from && held.ticket() < from + count) {
                free(slot);
                found = true;
            }
        }
        return found;
    }

    /** Of what was {@code before} this call, like the others in it. */
    private boolean handOver(int by, Item item, Lease[] before) {
        var held = item.slot() < before.length ? before[item.slot()] : null;
        if (held != null && held.ticket() == item.next() && held.session() == by) {
            return true; // done already
        }
        var next = place(by, item.next());
        var granted = slotOf(by, item.next());
        var wish = next != null ? next.wish() : null;
        var its = granted >= 0 ? leases[granted] : null;
        if (!without.contains(Rule.HAND_OVER_FREES)) {
            freeTickets(by, item.next(), 1);
        }
        queue.remove(next);
        var isTheirs = held != null && held.ticket() == item.ticket() && held.session() == by;
        if (isTheirs) {
            var request = wish != null ? wish.request() : its != null ? its.request() : 0;
            var isNamed = wish != null ? wish.isNamed() : its != null && its.isNamed();
            leases[item.slot()] = new Lease(item.slot(), item.next(), by, request, isNamed);
            last = Math.max(last, item.next());
        }
        if (Arrays.stream(leases)
                        .filter(lease -> lease != null && lease.ticket() == item.next())
                        .count()
                > 1) {
            throw new Violation("P1: ticket " + item.next() + " holds several slots");
        }
        return isTheirs;
    }

    /** Asks for no ticket where one is known, and for one otherwise. Slots after the first go into {@code more}. */
    private Outcome serve(Call call, Wish wish, Polled known, List<Lease> more) {
        if (!without.contains(Rule.RETRY_LOOKS_UP)) {
            var its = known.leases().stream()
                    .filter(lease -> lease.request() == wish.request())
                    .toList();
            if (!its.isEmpty()) {
                return held(its, wish.slots());
            }
            for (var place : known.places()) {
                if (place.wish().request() == wish.request()) {
                    return new Outcome(Outcome.Kind.WAITS, place.ticket(), -1);
                }
            }
        }
        var named = wish.isNamed() ? named(call.session(), wish) : null;
        if (named != null) {
            return named;
        }
        if (wish.slots() > capacity) {
            return Outcome.of(Outcome.Kind.MORE_THAN_CAPACITY);
        }
        var ticket = last + 1;
        if (queue.isEmpty() && freeSlots() >= wish.slots()) {
            last += wish.slots();
            var granted = give(new Place(ticket, call.session(), wish));
            more.addAll(granted.subList(1, granted.size()));
            return new Outcome(Outcome.Kind.GRANTED, ticket, granted.get(0).slot());
        }
        if (wish.isAttempt()) {
            return Outcome.of(Outcome.Kind.NOT_SERVED);
        }
        last += wish.slots();
        queue.add(new Place(ticket, call.session(), wish));
        return new Outcome(Outcome.Kind.WAITS, ticket, -1);
    }

    private static Outcome held(List<Lease> leases, int wanted) {
        var first = leases.get(0);
        var kind = wanted > 1 && leases.size() < wanted ? Outcome.Kind.INCOMPLETE : Outcome.Kind.GRANTED;
        return new Outcome(kind, first.ticket(), first.slot());
    }

    /** What a name stands for already; null when for nothing. */
    private Outcome named(int by, Wish wish) {
        var its = byTicket(lease -> lease.isNamed() && lease.request() == wish.request() && isAlive(lease.session()));
        if (!its.isEmpty()) {
            return its.get(0).session() != by ? Outcome.of(Outcome.Kind.FOREIGN_ID) : held(its, wish.slots());
        }
        for (var place : queue) {
            if (place.wish().isNamed() && place.wish().request() == wish.request() && isAlive(place.session())) {
                return place.session() != by
                        ? Outcome.of(Outcome.Kind.FOREIGN_ID)
                        : new Outcome(Outcome.Kind.WAITS, place.ticket(), -1);
            }
        }
        return null;
    }

    /** Gives free slots to the head of the queue, for as long as there are enough for it. */
    private List<Lease> grant() {
        var grants = new ArrayList<Lease>();
        while (!queue.isEmpty() && freeSlots() > 0) {
            var head = queue.get(0);
            var isDropped = !isAlive(head.session()) && !without.contains(Rule.DEAD_PLACES_DROP)
                    || head.wish().slots() > capacity;
            if (!isDropped && head.wish().slots() > freeSlots()) {
                break;
            }
            queue.remove(0);
            if (!isDropped) {
                grants.addAll(give(head));
            }
        }
        return grants;
    }

    private List<Lease> give(Place to) {
        if (!isAlive(to.session()) && !without.contains(Rule.DEAD_IS_REFUSED)) {
            throw new Violation(
                    "P7: ticket " + to.ticket() + " is granted to session " + to.session() + ", which is dead");
        }
        var given = new ArrayList<Lease>();
        for (var nth = 0; nth < to.wish().slots(); nth++) {
            var slot = freeSlot();
            leases[slot] = new Lease(
                    slot,
                    to.ticket() + nth,
                    to.session(),
                    to.wish().request(),
                    to.wish().isNamed());
            given.add(leases[slot]);
        }
        return given;
    }

    /** Who asks for more than there are is dropped. Answers the grants. */
    List<Lease> resize(int to) {
        capacity = to;
        leases = Arrays.copyOf(leases, Math.max(to, leases.length));
        queue.removeIf(place -> place.wish().slots() > to);
        onDisk = null;
        return grant();
    }

    /** Asks for a slot back. */
    void evict(int slot) {
        if (leases[slot] != null) {
            marks |= 1 << slot;
        }
        onDisk = null;
    }

    /** Takes a slot back that its holder has had the time to give back. */
    List<Lease> freeEvicted(int slot) {
        free(slot);
        onDisk = null;
        return grant();
    }

    boolean isMarked(int slot) {
        return (marks >> slot & 1) != 0;
    }

    private void free(int slot) {
        leases[slot] = null;
        marks &= ~(1 << slot);
    }

    private int freeSlot() {
        for (var slot = 0; slot < capacity; slot++) {
            if (leases[slot] == null) {
                return slot;
            }
        }
        return -1;
    }

    private int freeSlots() {
        var free = 0;
        for (var slot = 0; slot < capacity; slot++) {
            if (leases[slot] == null) {
                free++;
            }
        }
        return free;
    }

    // --- to look at

    /** What a session has and where it waits. */
    Polled known(int session) {
        return new Polled(
                byTicket(lease -> lease.session() == session),
                queue.stream().filter(place -> place.session() == session).toList(),
                incarnation);
    }

    private List<Lease> byTicket(Predicate<Lease> which) {
        return Arrays.stream(leases)
                .filter(lease -> lease != null && which.test(lease))
                .sorted((a, b) -> Integer.compare(a.ticket(), b.ticket()))
                .toList();
    }

    List<Lease> leases() {
        return byTicket(lease -> true);
    }

    List<Place> queue() {
        return List.copyOf(queue);
    }

    int last() {
        return last;
    }

    int capacity() {
        return capacity;
    }

    int slots() {
        return leases.length;
    }

    int epoch(int session) {
        return row(session).epoch();
    }

    int incarnation() {
        return incarnation;
    }

    private Place place(int by, int ticket) {
        for (var place : queue) {
            if (place.ticket() == ticket && place.session() == by) {
                return place;
            }
        }
        return null;
    }

    private int slotOf(int by, int ticket) {
        for (var lease : leases) {
            if (lease != null && lease.ticket() == ticket && lease.session() == by) {
                return lease.slot();
            }
        }
        return -1;
    }

    /** The earliest place of a session other than this; {@link #NONE} when there is none. */
    private int foreign(int than) {
        for (var place : queue) {
            if (place.session() != than) {
                return place.ticket();
            }
        }
        return NONE;
    }

    // --- promises

    /** Nobody holds a slot or waits (P5). */
    boolean isIdle() {
        return queue.isEmpty() && freeSlots() == capacity && leases().isEmpty();
    }

    /** At every commit. */
    void check() {
        var head = queue.isEmpty() ? null : queue.get(0);
        if (head != null && isAlive(head.session()) && head.wish().slots() <= freeSlots()) {
            throw new Violation("P4: slot " + freeSlot() + " is free while ticket " + head.ticket() + " waits");
        }
        for (var lease : leases) {
            if (lease != null && row(lease.session()).isRepaired()) {
                throw new Violation(
                        "P7: session " + lease.session() + " is dead and repaired, and has slot " + lease.slot());
            }
        }
    }

    private void checkRequests(Call call, int ticketsBefore) {
        for (var wish : call.wishes()) {
            var tickets = 0;
            for (var lease : leases) {
                tickets +=
                        lease != null && lease.session() == call.session() && lease.request() == wish.request() ? 1 : 0;
            }
            for (var place : queue) {
                var isTheirs = place.session() == call.session() && place.wish().request() == wish.request();
                tickets += isTheirs ? place.wish().slots() : 0;
            }
            if (tickets > wish.slots()) {
                throw new Violation(
                        "P6: request " + wish.request() + " has " + tickets + " tickets, after " + ticketsBefore);
            }
        }
    }

    // --- the end of the server

    boolean mayLose() {
        return onDisk != null;
    }

    /** The next life of the server; what was not on disk is lost, if it {@code loses}. */
    Tables restarted(boolean loses) {
        var next = loses ? onDisk.copy() : copy();
        next.onDisk = null;
        next.incarnation = incarnation + 1;
        return next;
    }

    /** What is on disk counts only while the server {@code mayCrash}. */
    void write(ByteArrayOutputStream to, boolean mayCrash) {
        to.write(capacity);
        for (var lease : leases) {
            if (lease == null) {
                to.write(0);
            } else {
                to.write(lease.ticket());
                to.write(lease.session());
                to.write(lease.request());
            }
        }
        for (var place : queue) {
            to.write(place.ticket());
            to.write(place.session());
            to.write(place.wish().request());
        }
        to.write(0);
        to.write(last);
        for (var it : sessions) {
            to.write(it.epoch() << 2 | (it.isDead() ? 1 : 0) | (it.isRepaired() ? 2 : 0));
        }
        to.write(255);
        to.write(marks);
        to.write(incarnation);
        if (onDisk != null && mayCrash) {
            onDisk.write(to, false);
        }
        to.write(254);
    }
}
