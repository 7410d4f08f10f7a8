package io.numpool.cli.internal.output;

import io.numpool.cli.internal.ExitCode;
import io.numpool.notify.Gap;
import io.numpool.notify.Notification;
import io.numpool.notify.NotifierObserver;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Notifications and gaps, a line each. Any thread. */
public final class EventLines {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSS");

    private final Printer printer;
    private final CompletableFuture<Integer> ended = new CompletableFuture<>();

    /** Guarded by this. */
    private long left;

    /** What arrived before all channels were listened to; null from then on. Guarded by this. */
    private List<Runnable> early = new ArrayList<>();

    /**
     * @param printer for one line each
     * @param count of notifications, after which nothing is printed any more; null for no end
     */
    public EventLines(Printer printer, Long count) {
        this.printer = printer;
        this.left = count == null ? Long.MAX_VALUE : count;
    }

    /** The exit code, when as many as were asked for are printed, or nobody reads them any more. */
    public CompletableFuture<Integer> ended() {
        return ended;
    }

    public synchronized void listening(List<String> channels) {
        if (printer.format() == Format.json) {
            print(new Listening("listening", channels), "");
        }
        var held = early;
        early = null;
        held.forEach(Runnable::run);
    }

    public synchronized void notification(Notification it) {
        if (early != null) {
            early.add(() -> notification(it));
            return;
        }
        if (left == 0) {
            return;
        }
        left--;
        print(
                new Notified(
                        "notification",
                        it.getChannel(),
                        it.getPayload(),
                        it.getSenderPid(),
                        it.getReceivedAt().toString()),
                line(it.getReceivedAt(), it.getChannel(), Visible.text(it.getPayload())));
        if (left == 0) {
            ended.complete(ExitCode.OK);
        }
    }

    public synchronized void gap(Gap it) {
        if (early != null) {
            early.add(() -> gap(it));
            return;
        }
        if (left == 0) {
            return;
        }
        print(
                new Missing(
                        "gap",
                        it.getChannel(),
                        it.getLostAt().toString(),
                        it.getRestoredAt().toString(),
                        it.getReason()),
                line(
                        it.getRestoredAt(),
                        it.getChannel(),
                        printer.style()
                                .yellow("gap: anything since " + time(it.getLostAt()) + " may be missing ("
                                        + Visible.text(it.getReason()) + ")")));
    }

    /** Says on stderr that the connection is gone: until the gap arrives nothing else would. */
    public NotifierObserver losses() {
        return new NotifierObserver() {
            @Override
            public void onDisconnect(Throwable error) {
                if (error != null) {
                    System.err.println("numpool: connection lost, connecting again: "
                            + Visible.text(String.valueOf(error.getMessage())));
                }
            }
        };
    }

    private void print(Object json, String text) {
        if (!printer.printLine(json, text)) {
            ended.complete(ExitCode.OK);
        }
    }

    private String line(Instant at, String channel, String what) {
        var style = printer.style();
        return style.faint(time(at)) + "  " + style.bold(Visible.text(channel)) + "  " + what;
    }

    private static String time(Instant at) {
        return TIME.format(at.atZone(ZoneId.systemDefault()));
    }

    /** The json contract, as the next two. */
    private record Listening(String event, List<String> channels) {}

    private record Notified(String event, String channel, String payload, int senderPid, String receivedAt) {}

    private record Missing(String event, String channel, String lostAt, String restoredAt, String reason) {}
}
