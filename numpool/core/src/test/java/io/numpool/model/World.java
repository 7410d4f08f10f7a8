package io.numpool.model;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/**
 * A state of everything: the database, the clients, and what is on its way between them. {@link #steps} is all that may happen next.
 * A transaction of the database is one step; what clients and messages do comes between, in any order.
 */
final class World {
    /** Something that may happen. */
    record Step(String name, Consumer<World> what) {
        /** The state after it. Throws {@link Violation}. */
        World from(World before) {
            var after = new World(before);
            what.accept(after);
            after.forgetWhatDoesNothing();
            return after;
        }
    }

    private final Bounds bounds;
    private Tables tables;
    private final Client[] clients;

    /** Who each session is, by its number. */
    private final int[] clientOf;

    /** The highest ticket that was started on each slot. */
    private final int[] newest;

    private int asked;
    private int faults;

    /** Clients that have done something or have had something befall them, which they do in turn: before, each is like any other. */
    private int touched;

    World(Bounds bounds) {
        this.bounds = bounds;
        tables = new Tables(bounds.slots(), bounds.without());
        clients = new Client[bounds.clients()];
        clientOf = new int[bounds.sessions() + 1];
        newest = new int[bounds.slots()];
        for (var c = 0; c < clients.length; c++) {
            clients[c] = new Client(bounds.slots());
            open(c, 0);
        }
    }

    private World(World other) {
        bounds = other.bounds;
        tables = other.tables.copy();
        clients = new Client[other.clients.length];
        for (var c = 0; c < clients.length; c++) {
            clients[c] = other.clients[c].copy();
        }
        clientOf = other.clientOf.clone();
        newest = other.newest.clone();
        asked = other.asked;
        faults = other.faults;
        touched = other.touched;
    }

    byte[] bytes() {
        var to = new ByteArrayOutputStream(128);
        tables.write(to, faults < bounds.budget() && bounds.faults().contains(Fault.CRASH));
        for (var client : clients) {
            client.write(to);
        }
        to.write(touched);
        for (var token : newest) {
            to.write(token);
        }
        to.write(asked);
        to.write(faults);
        return to.toByteArray();
    }

    /** So that states that differ in nothing that matters are one: late calls that will be refused, notices of tickets that wait no more. */
    private void forgetWhatDoesNothing() {
        for (var client : clients) {
            if (!bounds.without().contains(Rule.EPOCH) && !bounds.without().contains(Rule.DEAD_IS_REFUSED)) {
                client.late.removeIf(
                        call -> !tables.isAlive(call.session()) || call.epoch() != tables.epoch(call.session()));
            }
            if (client.isIdle() && !bounds.without().contains(Rule.STILL_WAITS)) {
                client.notices.removeIf(notice -> !client.waits(notice.ticket()));
            }
        }
    }

    /** When nothing can happen any more: nobody holds or waits for anything, nothing is unsent (P5, P9). */
    void checkEnd() {
        if (!tables.isIdle()) {
            throw new Violation("P5: slots or places are left at the end");
        }
        for (var client : clients) {
            if (client.isLive() && !(client.waitsForNothing() && client.unsent.isEmpty() && client.wishes.isEmpty())) {
                throw new Violation("P5: a client waits for ever, or has unsent work");
            }
        }
    }

    List<Step> steps() {
        var steps = new ArrayList<Step>();
        for (var c = 0; c < inReach(); c++) {
            switch (clients[c].life) {
                case LIVE -> stepsOfLive(c, steps);
                case LOST -> {
                    var it = c;
                    steps.add(new Step(c + " opens another session", w -> w.open(it, w.clients[it].session)));
                }
                case GONE -> {}
            }
            for (var i = 0; i < clients[c].late.size(); i++) {
                var it = c;
                var which = i;
                steps.add(new Step("a late call of " + c + " is done", w -> w.doLate(it, which)));
            }
        }
        stepsOfReapers(steps);
        if (faults < bounds.budget()) {
            faults(steps);
        }
        return steps;
    }

    private int inReach() {
        return Math.min(touched + 1, clients.length);
    }

    private void touch(int c) {
        touched = Math.max(touched, c + 1);
    }

    // --- a live client

    private void stepsOfLive(int c, List<Step> steps) {
        var client = clients[c];
        if (client.isIdle()) {
            whenIdle(c, client, steps);
        } else if (client.unknown) {
            steps.add(new Step(c + " sends its call again", w -> w.sendAgain(c)));
        } else if (client.call != null && client.answer == null) {
            steps.add(new Step("the call of " + c + " is done", w -> w.doCall(c)));
        } else if (client.answer != null) {
            steps.add(new Step(c + " reads its answer", w -> w.readAnswer(c)));
        } else {
            steps.add(new Step(c + " reads what it polled", w -> w.readPoll(c)));
        }
        notices(c, client, steps);
        for (var slot = 0; slot < bounds.slots(); slot++) {
            var which = slot;
            if (client.uses(slot)) {
                steps.add(new Step(c + " is done with slot " + slot, w -> w.finish(c, which)));
            }
        }
        if (client.incarnation != tables.incarnation()) {
            steps.add(new Step(c + " hears of another life of the server", w -> w.hear(c, w.tables.incarnation())));
        }
    }

    private void whenIdle(int c, Client client, List<Step> steps) {
        for (var n = 1; n <= 2 && asked + n <= bounds.requests(); n++) {
            var more = n;
            steps.add(new Step(c + " sends " + n + " new requests", w -> w.send(c, more)));
        }
        if (!client.unsent.isEmpty() || !client.wishes.isEmpty()) {
            steps.add(new Step(c + " sends what is unsent", w -> w.send(c, 0)));
        } else if (client.compares || pollFindsMore(client) && !bounds.without().contains(Rule.POLL)) {
            steps.add(new Step(c + " polls", w -> w.poll(c)));
        }
    }

    /** One of a ticket that is not known yet waits for the answer in flight, any for what is polled. */
    private void notices(int c, Client client, List<Step> steps) {
        for (var i = 0; i < client.notices.size(); i++) {
            var which = i;
            if (client.isIdle()
                    || client.polled == null
                            && client.waits(client.notices.get(i).ticket())) {
                steps.add(new Step(c + " reads a notice", w -> w.readNotice(c, which)));
            }
        }
    }

    /** It polls all the time while it waits; only what that changes is a step. */
    private boolean pollFindsMore(Client client) {
        if (client.waitsForNothing()) {
            return false;
        }
        var known = tables.known(client.session);
        return client.tickets().anyMatch(ticket -> !known.waits(ticket));
    }

    private void open(int c, int predecessor) {
        var client = clients[c];
        client.session = tables.open(predecessor);
        client.epoch = 0;
        client.life = Client.Life.LIVE;
        clientOf[client.session] = c;
    }

    private void send(int c, int more) {
        touch(c);
        var client = clients[c];
        for (var n = 0; n < more; n++) {
            client.wishes.add(Wish.of(++asked));
        }
        client.call = new Call(client.session, client.epoch, false, told(client), List.copyOf(client.wishes));
        client.unsent.clear();
        client.wishes.clear();
    }

    private List<Item> told(Client client) {
        return bounds.without().contains(Rule.TOLD_AS_ONE) ? List.copyOf(client.unsent) : Item.toldAsOne(client.unsent);
    }

    private void doCall(int c) {
        var client = clients[c];
        client.answer = tables.exchange(client.call);
        tables.check();
        if (client.answer == null && !tables.isAlive(client.session)) {
            lose(c);
        } else if (client.answer == null) {
            client.unknown = true; // its epoch is old
        }
    }

    private void doLate(int c, int which) {
        tables.exchange(clients[c].late.remove(which));
        tables.check();
    }

    private void sendAgain(int c) {
        var client = clients[c];
        client.unknown = false;
        if (bounds.without().contains(Rule.EPOCH)) {
            client.call = client.call.again(client.epoch);
            return;
        }
        tables.raiseEpoch(client.session, client.epoch + 1);
        client.epoch++;
        client.call = client.call.again(client.epoch);
    }

    private void readAnswer(int c) {
        var client = clients[c];
        var answer = client.answer;
        var call = client.call;
        client.call = null;
        client.answer = null;
        client.foreign = answer.foreign();
        for (var i = 0; i < call.wishes().size(); i++) {
            var outcome = answer.outcomes().get(i);
            client.await(outcome.ticket(), call.wishes().get(i));
            if (outcome.kind() == Outcome.Kind.GRANTED) {
                take(c, outcome.slot(), outcome.ticket());
            }
        }
        answer.mine().forEach(lease -> take(c, lease.slot(), lease.ticket()));
        answer.others().forEach(this::notify);
        hear(c, answer.incarnation());
    }

    private void notify(Lease grant) {
        var to = clients[clientOf[grant.session()]];
        if (to.isLive() && to.session == grant.session()) {
            to.notices.add(grant);
            to.notices.sort(Comparator.comparing(Lease::ticket));
        }
    }

    private void readNotice(int c, int which) {
        var notice = clients[c].notices.remove(which);
        take(c, notice.slot(), notice.ticket());
    }

    private void take(int c, int slot, int ticket) {
        var client = clients[c];
        if (client.waits(ticket)) {
            start(c, slot, ticket);
        } else if (bounds.without().contains(Rule.STILL_WAITS) && client.using[slot] != ticket) {
            passOn(c, slot, ticket);
        }
    }

    private void start(int c, int slot, int ticket) {
        checkOrder(c, ticket);
        for (var other : clients) {
            if (other.uses(slot)) {
                throw new Violation("P1: ticket " + ticket + " starts to use slot " + slot + ", which is in use");
            }
        }
        if (ticket <= newest[slot]) {
            throw new Violation("P2: ticket " + ticket + " has slot " + slot + " after ticket " + newest[slot]);
        }
        newest[slot] = ticket;
        clients[c].leave(ticket);
        clients[c].using[slot] = ticket;
    }

    /** P3: nobody starts while an earlier live place waits. Of one's own, those that are given up do not count. */
    private void checkOrder(int c, int ticket) {
        for (var place : tables.queue()) {
            var isGivenUp = place.session() == clients[c].session && !clients[c].waits(place.ticket());
            if (place.ticket() < ticket && tables.isAlive(place.session()) && !isGivenUp) {
                throw new Violation("P3: ticket " + ticket + " starts while " + place.ticket() + " waits");
            }
        }
    }

    private void finish(int c, int slot) {
        var ticket = clients[c].using[slot];
        clients[c].using[slot] = 0;
        passOn(c, slot, ticket);
    }

    private void passOn(int c, int slot, int ticket) {
        var client = clients[c];
        var next = client.firstWaiting();
        var isFirst = next < client.foreign || bounds.without().contains(Rule.FOREIGN_BOUND);
        var rises = next > ticket || bounds.without().contains(Rule.TOKENS_RISE);
        if (bounds.handOver() && next != Tables.NONE && isFirst && rises && slot < tables.capacity()) {
            client.unsent.add(Item.handOver(slot, ticket, next));
            start(c, slot, next);
        } else {
            client.unsent.add(Item.release(slot, ticket));
        }
    }

    // --- what the database knows

    private void poll(int c) {
        clients[c].compares = false;
        clients[c].polled = tables.known(clients[c].session);
    }

    private void readPoll(int c) {
        var client = clients[c];
        var polled = client.polled;
        client.polled = null;
        polled.leases().forEach(lease -> take(c, lease.slot(), lease.ticket()));
        client.tickets()
                .filter(ticket -> !polled.waits(ticket))
                .forEach(ticket -> client.wishes.add(client.leave(ticket)));
        for (var slot = 0; slot < bounds.slots(); slot++) {
            var used = client.using[slot];
            if (used != 0 && !polled.has(used) && !isHandedOver(client, used)) {
                client.using[slot] = 0;
            }
        }
        for (var lease : polled.leases()) {
            if (!client.knows(lease.ticket())) {
                client.unsent.add(Item.release(lease.slot(), lease.ticket()));
            }
        }
        for (var place : polled.places()) {
            if (!client.knows(place.ticket())) {
                client.unsent.add(Item.cancel(place.ticket(), 1));
            }
        }
        hear(c, polled.incarnation());
    }

    /** The database has not been told yet that it has a slot. */
    private static boolean isHandedOver(Client client, int ticket) {
        return client.unsent.stream().anyMatch(item -> item.next() == ticket);
    }

    private void hear(int c, int incarnation) {
        touch(c);
        var client = clients[c];
        if (client.incarnation < incarnation) {
            client.incarnation = incarnation;
            client.foreign = 0;
            client.compares = !bounds.without().contains(Rule.COMPARE_AFTER_CRASH);
        }
    }

    // --- the death of sessions

    private void stepsOfReapers(List<Step> steps) {
        for (var session = 1; session <= tables.sessions(); session++) {
            var it = session;
            var client = clients[clientOf[session]];
            var isOver = client.session != session || !client.isLive();
            if (tables.isAlive(session) && isOver) {
                steps.add(new Step("session " + it + " is declared dead", w -> w.tables.declareDead(it)));
            } else if (tables.isToBeRepaired(session)) {
                steps.add(new Step("session " + it + " is repaired", w -> w.repair(it)));
            }
        }
    }

    private void repair(int session) {
        tables.repair(session).forEach(this::notify);
        tables.check();
    }

    // --- faults

    private void faults(List<Step> steps) {
        for (var fault : bounds.faults()) {
            switch (fault) {
                case CRASH -> crashes(steps);
                case RESIZE -> resizes(steps);
                default -> {
                    for (var c = 0; c < inReach(); c++) {
                        if (clients[c].isLive()) {
                            faults(fault, c, steps);
                        }
                    }
                }
            }
        }
    }

    private void faults(Fault fault, int c, List<Step> steps) {
        var client = clients[c];
        switch (fault) {
            case CANCEL -> {
                client.tickets()
                        .forEach(ticket ->
                                steps.add(fault("ticket " + ticket + " is given up", w -> w.cancel(c, ticket))));
            }
            case LOSE_NOTICE -> {
                for (var i = 0; i < client.notices.size(); i++) {
                    var which = i;
                    steps.add(fault("a notice to " + c + " is lost", w -> w.clients[c].notices.remove(which)));
                }
            }
            case DOUBLE_NOTICE -> {
                for (var i = 0; i < client.notices.size(); i++) {
                    var which = i;
                    steps.add(fault(
                            "a notice to " + c + " is doubled",
                            w -> w.clients[c].notices.add(which, w.clients[c].notices.get(which))));
                }
            }
            case BREAK -> {
                if (client.call != null && !client.unknown) {
                    steps.add(fault("the connection of " + c + " breaks", w -> w.breakConnection(c)));
                }
            }
            case SILENCE -> {
                if (tables.sessions() < bounds.sessions()) {
                    steps.add(fault("the deadline of " + c + " passes", w -> w.lose(c)));
                    if (bounds.without().contains(Rule.HOLDER_FIRST)) {
                        steps.add(fault("session " + client.session + " is declared dead at once", w -> {
                            w.touch(c);
                            w.tables.declareDead(w.clients[c].session);
                        }));
                    }
                }
            }
            case KILL -> steps.add(fault(c + " is killed", w -> w.kill(c)));
            default -> throw new IllegalArgumentException("not of one client: " + fault);
        }
    }

    private static Step fault(String name, Consumer<World> what) {
        return new Step(name, w -> {
            w.faults++;
            what.accept(w);
        });
    }

    private void cancel(int c, int ticket) {
        clients[c].leave(ticket);
        clients[c].unsent.add(Item.cancel(ticket, 1));
    }

    /** Whether the call is done already shows in its answer, which is lost. */
    private void breakConnection(int c) {
        var client = clients[c];
        if (client.answer == null) {
            client.late.add(client.call);
        }
        client.answer = null;
        client.unknown = true;
    }

    private void lose(int c) {
        touch(c);
        var client = clients[c];
        var again = new ArrayList<>(client.wishes);
        client.tickets().forEach(ticket -> again.add(client.leave(ticket)));
        if (client.call != null) {
            again.addAll(client.call.wishes());
        }
        client.forget();
        client.wishes.clear();
        client.wishes.addAll(again);
        client.life = Client.Life.LOST;
    }

    private void kill(int c) {
        touch(c);
        clients[c].forget();
        clients[c].wishes.clear();
        clients[c].life = Client.Life.GONE;
    }

    private void crashes(List<Step> steps) {
        steps.add(fault("the server crashes", w -> w.crash(false)));
        if (tables.mayLose()) {
            steps.add(fault("the server crashes, and loses what was not on disk", w -> w.crash(true)));
        }
    }

    private void crash(boolean loses) {
        tables = tables.restarted(loses);
        for (var client : clients) {
            client.late.clear();
            client.notices.clear();
            client.polled = null;
            if (client.call != null) {
                client.answer = null;
                client.unknown = true;
            }
        }
    }

    private void resizes(List<Step> steps) {
        for (var to = 1; to <= bounds.slots(); to++) {
            var capacity = to;
            if (to != tables.capacity()) {
                steps.add(fault("the pool has " + to + " slots", w -> {
                    w.tables.resize(capacity).forEach(w::notify);
                    w.tables.check();
                }));
            }
        }
    }
}
