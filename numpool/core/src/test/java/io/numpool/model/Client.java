package io.numpool.model;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A process: its session, and its lane of the pool. A bit set of tickets holds ticket t as bit t. */
final class Client {
    enum Life {
        LIVE,
        /** Its deadline passed: it uses nothing, and opens another session. */
        LOST,
        /** Killed. */
        GONE
    }

    Life life = Life.LIVE;
    int session;
    int epoch;

    /** By ticket, in order: what those who wait have asked for. */
    private final TreeMap<Integer, Wish> waiting;

    /** Ticket by slot; 0: not in use here. */
    final int[] using;

    /** No ticket of another session waits below it. */
    int foreign = 0;

    List<Item> unsent = new ArrayList<>();

    /** To be asked, again. */
    List<Wish> wishes = new ArrayList<>();

    /** In flight: one at a time. */
    Call call;

    /** On the way back; null when the call is not done yet, as far as is known. */
    Answer answer;

    /** What became of the call is not known. */
    boolean unknown;

    /** A poll's answer on the way back; null when there is none. */
    Polled polled;

    /** Calls that nobody waits for any more, and that may still be done. */
    List<Call> late = new ArrayList<>();

    /** On the way here, in no order. */
    List<Lease> notices = new ArrayList<>();

    /** In which life of the server it was answered last. */
    int incarnation = 1;

    /** Has to compare all that it has with the database. */
    boolean compares;

    Client(int slots) {
        using = new int[slots];
        waiting = new TreeMap<>();
    }

    private Client(Client other) {
        life = other.life;
        session = other.session;
        epoch = other.epoch;
        waiting = new TreeMap<>(other.waiting);
        using = other.using.clone();
        foreign = other.foreign;
        unsent = new ArrayList<>(other.unsent);
        wishes = new ArrayList<>(other.wishes);
        call = other.call;
        answer = other.answer;
        unknown = other.unknown;
        polled = other.polled;
        late = new ArrayList<>(other.late);
        notices = new ArrayList<>(other.notices);
        incarnation = other.incarnation;
        compares = other.compares;
    }

    Client copy() {
        return new Client(this);
    }

    boolean isLive() {
        return life == Life.LIVE;
    }

    /** Nothing of this lane is on its way. */
    boolean isIdle() {
        return call == null && polled == null;
    }

    boolean waits(int ticket) {
        return waiting.containsKey(ticket);
    }

    boolean knows(int ticket) {
        if (waits(ticket) || unsent.stream().anyMatch(item -> item.ticket() == ticket || item.next() == ticket)) {
            return true;
        }
        for (var used : using) {
            if (used == ticket) {
                return true;
            }
        }
        return false;
    }

    int firstWaiting() {
        return waiting.isEmpty() ? Tables.NONE : waiting.firstKey();
    }

    boolean uses(int slot) {
        return using[slot] != 0;
    }

    boolean usesNothing() {
        for (var used : using) {
            if (used != 0) {
                return false;
            }
        }
        return true;
    }

    void await(int ticket, Wish wish) {
        waiting.put(ticket, wish);
    }

    /** Answers what it had asked for. */
    Wish leave(int ticket) {
        return waiting.remove(ticket);
    }

    /** A copy of those that wait. */
    Stream<Integer> tickets() {
        return List.copyOf(waiting.keySet()).stream();
    }

    boolean waitsForNothing() {
        return waiting.isEmpty();
    }

    /** All that goes with its session, or its process. */
    void forget() {
        if (call != null && answer == null && !unknown) {
            late.add(call);
        }
        call = null;
        answer = null;
        unknown = false;
        polled = null;
        waiting.clear();
        Arrays.fill(using, 0);
        unsent.clear();
        notices.clear();
        compares = false;
        foreign = 0;
    }

    void write(ByteArrayOutputStream to) {
        to.write(life.ordinal() | (unknown ? 8 : 0) | (compares ? 16 : 0));
        to.write(session);
        to.write(epoch);
        waiting.keySet().forEach(to::write);
        to.write(255);
        for (var used : using) {
            to.write(used);
        }
        to.write(foreign == Tables.NONE ? 255 : foreign);
        write(to, unsent);
        wishes.forEach(wish -> to.write(wish.request()));
        to.write(255);
        write(to, call);
        if (answer != null) {
            to.write(1);
            answer.outcomes().forEach(outcome -> to.write(outcome.ticket()));
            to.write(255);
            writeLeases(to, answer.mine());
            writeLeases(to, answer.others());
            to.write(answer.foreign() == Tables.NONE ? 255 : answer.foreign());
            to.write(answer.incarnation());
        }
        to.write(254);
        if (polled != null) {
            polled.places().forEach(place -> to.write(place.ticket()));
            to.write(255);
            writeLeases(to, polled.leases());
            to.write(polled.incarnation());
        }
        to.write(253);
        late.stream().map(Client::bytes).sorted(Arrays::compare).forEach(to::writeBytes);
        to.write(252);
        writeLeases(
                to, notices.stream().sorted(Comparator.comparing(Lease::ticket)).toList());
        to.write(incarnation);
    }

    private static byte[] bytes(Call call) {
        var to = new ByteArrayOutputStream();
        write(to, call);
        return to.toByteArray();
    }

    private static void write(ByteArrayOutputStream to, Call call) {
        if (call != null) {
            to.write(1);
            to.write(call.session());
            to.write(call.epoch() << 1 | (call.isRetry() ? 1 : 0));
            write(to, call.settled());
            call.wishes().forEach(wish -> to.write(wish.request()));
        }
        to.write(251);
    }

    private static void write(ByteArrayOutputStream to, List<Item> items) {
        for (var item : items) {
            to.write(item.kind().ordinal());
            to.write(item.slot());
            to.write(item.ticket());
            to.write(item.next());
        }
        to.write(250);
    }

    private static void writeLeases(ByteArrayOutputStream to, List<Lease> leases) {
        for (var lease : leases) {
            to.write(lease.session());
            to.write(lease.slot());
            to.write(lease.ticket());
        }
        to.write(249);
    }
}
