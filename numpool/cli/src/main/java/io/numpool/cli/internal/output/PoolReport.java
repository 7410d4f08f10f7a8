package io.numpool.cli.internal.output;

import com.fasterxml.jackson.databind.JsonNode;
import io.numpool.Holder;
import io.numpool.PoolStatus;
import io.numpool.Waiter;
import java.util.List;

/** One pool with its holders and its queue. The names of the components are the json contract. */
public record PoolReport(
        String id,
        int capacity,
        int held,
        int free,
        int waiting,
        JsonNode metadata,
        List<HolderReport> holders,
        List<WaiterReport> queue) {

    public static PoolReport of(PoolStatus status, JsonNode metadata) {
        return new PoolReport(
                status.id(),
                status.capacity(),
                status.held(),
                status.free(),
                status.waiting(),
                metadata,
                status.holders().stream().map(HolderReport::of).toList(),
                status.queue().stream().map(WaiterReport::of).toList());
    }

    /** For people. */
    public String counts() {
        return held + " of " + capacity + " held, " + waiting + " waiting";
    }

    public String text(Style style) {
        var text = new StringBuilder(style.bold(id)).append(": " + counts() + "\n");
        if (!holders.isEmpty()) {
            var table = new Table("SLOT", "TOKEN", "LABEL", "SINCE", "HOST", "PID", "APPLICATION");
            holders.forEach(h -> table.row(h.index, h.token, h.label, h.since, h.host, h.pid, h.application));
            text.append('\n').append(table.text(style));
        }
        if (!queue.isEmpty()) {
            text.append('\n').append(queueTable().text(style));
        }
        return text.toString();
    }

    private Table queueTable() {
        if (queue.stream().allMatch(w -> w.slots == 1)) {
            var table = new Table("PLACE", "TICKET", "LABEL", "SINCE", "HOST", "PID", "APPLICATION");
            queue.forEach(w -> table.row(place(w), w.ticket, w.label, w.since, w.host, w.pid, w.application));
            return table;
        }
        var table = new Table("PLACE", "TICKET", "SLOTS", "LABEL", "SINCE", "HOST", "PID", "APPLICATION");
        queue.forEach(w -> table.row(place(w), w.ticket, w.slots, w.label, w.since, w.host, w.pid, w.application));
        return table;
    }

    private int place(WaiterReport waiter) {
        return queue.indexOf(waiter) + 1;
    }

    /** Who holds a slot, since when (ISO 8601, by the database's clock). */
    public record HolderReport(
            int index,
            long token,
            String label,
            String since,
            long session,
            String application,
            String host,
            long pid) {
        static HolderReport of(Holder holder) {
            var who = holder.who();
            return new HolderReport(
                    holder.index(),
                    holder.token(),
                    holder.label(),
                    holder.since().toString(),
                    who.session(),
                    who.application(),
                    who.host(),
                    who.pid());
        }
    }

    /** Who waits, for how many slots, since when (ISO 8601, by the database's clock); the first in line comes first. */
    public record WaiterReport(
            long ticket,
            int slots,
            String label,
            String since,
            long session,
            String application,
            String host,
            long pid) {
        static WaiterReport of(Waiter waiter) {
            var who = waiter.who();
            return new WaiterReport(
                    waiter.ticket(),
                    waiter.slots(),
                    waiter.label(),
                    waiter.since().toString(),
                    who.session(),
                    who.application(),
                    who.host(),
                    who.pid());
        }
    }
}
