package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import io.numpool.notify.PromptSocketFactory;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;

/** A notification from one connection to another, both in this process: how long it takes from before it is sent until it is read. One at a time. */
final class NotifyHop implements Slots {
    private static final String CHANNEL = "hop";
    private static final int LOOK_MILLIS = 500;
    private static final long PATIENCE_SECONDS = 30;

    private final Connections connections;
    private final PreparedStatement send;
    private final PGConnection listening;
    private final LinkedBlockingQueue<Long> arrivals = new LinkedBlockingQueue<>();
    private final CompletableFuture<Void> heard = new CompletableFuture<>();
    private volatile boolean over;

    NotifyHop(Assignment assignment) throws SQLException {
        connections = new Connections(assignment.address() + "&socketFactory=" + PromptSocketFactory.class.getName());
        var sender = connections.connect();
        try (var statement = sender.createStatement()) {
            statement.execute("SET synchronous_commit = off");
        }
        send = sender.prepareStatement("SELECT pg_notify('" + CHANNEL + "', '')");
        var listener = connections.connect();
        try (var statement = listener.createStatement()) {
            statement.execute("LISTEN " + CHANNEL);
        }
        listening = listener.unwrap(PGConnection.class);
    }

    static String settings() {
        return "pg_notify on one connection (synchronous_commit off, as numpool sends), LISTEN on another with numpool-notify's PromptSocketFactory;"
                + " from before it is sent until getNotifications has it.";
    }

    @Override
    public CompletableFuture<Void> start(List<Tally> workers) {
        new Thread(this::listen, "listener").start();
        var sent = WorkerThreads.start(workers.subList(0, 1), (number, tally) -> work(tally));
        return CompletableFuture.allOf(sent.whenComplete((done, failure) -> over = true), heard);
    }

    private void work(Tally tally) throws SQLException, InterruptedException {
        while (tally.asks()) {
            send.execute();
            var arrival = arrivals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (arrival == null) {
                throw new IllegalStateException("No notification within " + PATIENCE_SECONDS + " s");
            }
            tally.answered(1, arrival);
        }
    }

    private void listen() {
        try {
            while (!over) {
                if (listening.getNotifications(LOOK_MILLIS).length > 0) {
                    arrivals.add(System.nanoTime());
                }
            }
            heard.complete(null);
        } catch (SQLException failed) {
            heard.completeExceptionally(failed);
        }
    }

    @Override
    public void close() {
        connections.close();
    }
}
