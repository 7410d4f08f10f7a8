package io.numpool.testkit.internal.wire;

import io.numpool.testkit.WireDirection;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;

/** One direction of a {@link Link}: what waits to be delivered, in order. */
final class Flow {
    /** Like the buffers of a kernel: when so much waits, no more is read. */
    private static final int ROOM_BYTES = 1 << 20;

    final WireDirection direction;

    private final Wire wire;
    private final Link link;
    private final ArrayDeque<Parcel> waiting = new ArrayDeque<>();
    private int waitingBytes;
    private boolean stuck;

    Flow(WireDirection direction, Wire wire, Link link) {
        this.direction = direction;
        this.wire = wire;
        this.link = link;
    }

    void add(Parcel parcel) {
        waiting.add(parcel);
        waitingBytes += parcel.bytes.remaining();
    }

    void addAll(List<Parcel> parcels) {
        parcels.forEach(this::add);
    }

    void clear() {
        waiting.clear();
        waitingBytes = 0;
        stuck = false;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    boolean hasRoom() {
        return waitingBytes < ROOM_BYTES;
    }

    int waitingBytes() {
        return waitingBytes;
    }

    /** The receiver takes no more just now. */
    boolean isStuck() {
        return stuck;
    }

    /** Delivers what is due, as far as the receiver takes it. */
    void move(long nowNanos) throws IOException {
        stuck = false;
        while (!waiting.isEmpty() && isOpen() && dueNanos() - nowNanos <= 0) {
            var parcel = waiting.peek();
            if (!link.begin(this, parcel) || waiting.peek() != parcel) {
                return;
            }
            link.deliver(this, parcel);
            if (parcel.bytes.hasRemaining()) {
                stuck = true;
                return;
            }
            waiting.poll();
            waitingBytes -= parcel.bytes.capacity();
            link.delivered(this, parcel);
        }
    }

    /** Until the next one is due; null when nothing waits for its time. */
    Long nanosToNext(long nowNanos) {
        return waiting.isEmpty() || stuck || !isOpen() ? null : Math.max(0, dueNanos() - nowNanos);
    }

    private boolean isOpen() {
        return wire.passes(direction) && !link.isForgotten();
    }

    private long dueNanos() {
        return waiting.element().arrivedNanos + wire.delayNanos(direction);
    }
}
