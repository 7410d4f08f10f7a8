package io.numpool.notify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.testkit.Await;
import io.numpool.testkit.Signals;
import io.numpool.testkit.TestDatabase;
import io.numpool.testkit.TestPostgres;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NotifierAsyncTest {
    private static final long PATIENCE_SECONDS = 30;

    private final TestDatabase database = TestPostgres.shared().emptyDatabase();
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    @AfterEach
    void closeAll() throws Exception {
        while (!open.isEmpty()) open.pop().close();
    }

    @AfterAll
    void dropDatabase() {
        database.close();
    }

    @Test
    @DisplayName("a subscriber is called for each notification, in order, from the moment its future is complete")
    void subscribe() {
        var notifier = notifier();
        var seen = new Signals<String>("payloads");
        var subscription = get(notifier.subscribe("orders", it -> seen.send(it.getPayload())));
        assertEquals("orders", subscription.channel());
        get(subscription.listening());
        for (var i = 0; i < 5; i++) get(notifier.publish("orders", "order " + i));
        for (var i = 0; i < 5; i++) {
            var expected = "order " + i;
            assertEquals(expected, seen.next(expected, it -> true));
        }
    }

    @Test
    @DisplayName(
            "a registered subscription waits for a database that can't be reached yet, and is heard of when it is closed")
    void register() {
        var notifier = NotifierAsync.open(
                "jdbc:postgresql://localhost:1/nowhere",
                NotifierOptions.builder().build());
        open.push(notifier);
        var subscription = notifier.register("orders", it -> {}, gap -> {});
        var listening = subscription.listening();
        assertFalse(listening.isDone());
        subscription.close();
        assertInstanceOf(NotifierClosedException.class, failureOf(listening));
        var here = notifier();
        var seen = new Signals<String>("payloads");
        get(here.register("orders", it -> seen.send(it.getPayload()), gap -> {}).listening());
        get(here.publish("orders", "1"));
        assertEquals("1", seen.next("the payload", it -> true));
    }

    @Test
    @DisplayName("a guest on the LISTEN connection: its result, what it throws, and when there is no connection")
    void guest() {
        var notifier = notifier();
        get(notifier.subscribe("c", it -> {}));
        var channels = get(notifier.onListenConnection(Duration.ofSeconds(PATIENCE_SECONDS), connection -> {
            try (var rows = connection.createStatement().executeQuery("SELECT pg_listening_channels() ORDER BY 1")) {
                rows.next();
                return rows.getString(1);
            }
        }));
        assertEquals("c", channels);
        var refused = notifier.onListenConnection(
                Duration.ofSeconds(PATIENCE_SECONDS),
                connection -> connection.createStatement().execute("no SQL"));
        assertInstanceOf(SQLException.class, failureOf(refused));
        var nowhere = NotifierAsync.open(
                "jdbc:postgresql://localhost:1/nowhere",
                NotifierOptions.builder().build());
        open.push(nowhere);
        var late = nowhere.onListenConnection(Duration.ofMillis(50), connection -> true);
        assertInstanceOf(NoListenConnectionException.class, failureOf(late));
    }

    @Test
    @DisplayName("a closed subscription is called no more")
    void unsubscribe() {
        var notifier = notifier();
        var seen = new Signals<String>("payloads");
        var closed = get(notifier.subscribe("c", it -> seen.send("closed")));
        get(notifier.subscribe("c", it -> seen.send("open")));
        closed.close();
        closed.close();
        get(notifier.publish("c", ""));
        assertEquals("open", seen.next("the other one", it -> true));
        get(notifier.publish("c", "again"));
        assertEquals("open", seen.next("the other one again", it -> true));
    }

    @Test
    @DisplayName("a gap goes to its own consumer, after a loss of the connection")
    void gap() throws SQLException {
        var notifier = notifier(NotifierOptions.builder().name("gaps"));
        var seen = new Signals<NotifierEvent>("events");
        get(notifier.subscribe("c", seen::send, seen::send));
        terminateListener("gaps");
        var gap = assertInstanceOf(Gap.class, seen.next("a gap", it -> true));
        assertFalse(gap.getRestoredAt().isBefore(gap.getLostAt()));
        get(notifier.publish("c", "after"));
        assertInstanceOf(Notification.class, seen.next("what came after", it -> true));
    }

    @Test
    @DisplayName("handlers run on the executor given")
    void executor() {
        var notifier = notifier();
        var threads = Executors.newSingleThreadExecutor(work -> new Thread(work, "my own"));
        open.push(threads::shutdownNow);
        var seen = new Signals<String>("threads");
        get(notifier.subscribe("c", it -> seen.send(Thread.currentThread().getName()), gap -> {}, threads));
        get(notifier.publish("c", ""));
        assertTrue(seen.next("the thread's name", it -> true).startsWith("my own"));
    }

    @Test
    @DisplayName("a handler that blocks for longer than its timeout is interrupted, and called again")
    void timeout() {
        var notifier = notifier(NotifierOptions.builder().handlerTimeout(Duration.ofMillis(100)));
        var seen = new Signals<String>("what became of the handler");
        get(notifier.subscribe("c", it -> {
            if (it.getPayload().equals("fast")) {
                seen.send("called again");
                return;
            }
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException interrupted) {
                seen.send("interrupted");
            }
        }));
        get(notifier.publish("c", "for ever"));
        get(notifier.publish("c", "fast"));
        assertEquals("interrupted", seen.next("the interrupt", it -> true));
        assertEquals("called again", seen.next("the next call", it -> true));
    }

    @Test
    @DisplayName("what a handler throws goes to the observer")
    void failure() {
        var errors = new Signals<String>("errors");
        var notifier = notifier(NotifierOptions.builder().observer(new NotifierObserver() {
            @Override
            public void onError(Throwable error, String channel) {
                errors.send(channel + ": " + error.getMessage());
            }
        }));
        get(notifier.subscribe("c", it -> {
            throw new IllegalStateException("no " + it.getPayload());
        }));
        get(notifier.publish("c", "1"));
        get(notifier.publish("c", "2"));
        assertEquals("c: no 1", errors.next("the first", it -> true));
        assertEquals("c: no 2", errors.next("the second", it -> true));
    }

    @Test
    @DisplayName("the next event waits for the stage of the one before")
    void async() {
        var notifier = notifier();
        var calls = new Signals<String>("calls");
        var first = new CompletableFuture<Void>();
        get(notifier.subscribeAsync("c", event -> {
            var payload = ((Notification) event).getPayload();
            calls.send(payload);
            return payload.equals("1") ? first : CompletableFuture.completedFuture(null);
        }));
        get(notifier.publish("c", "1"));
        get(notifier.publish("c", "2"));
        assertEquals("1", calls.next("the first call", it -> true));
        Await.until("both to arrive", () -> notifier.statistics().getReceived() == 2);
        assertEquals(1, notifier.statistics().getDelivered());
        first.complete(null);
        assertEquals("2", calls.next("the second call", it -> true));
    }

    @Test
    @DisplayName("a stage that takes longer than the timeout is cancelled")
    void asyncTimeout() {
        var notifier = notifier(NotifierOptions.builder().handlerTimeout(Duration.ofMillis(100)));
        var stage = new CompletableFuture<Void>();
        get(notifier.subscribeAsync("c", event -> stage));
        get(notifier.publish("c", ""));
        Await.until("the cancellation", stage::isCancelled);
    }

    @Test
    @DisplayName("a publisher hands out what is requested, and completes when the notifier is closed")
    void publisher() {
        var notifier = notifier();
        var seen = new Signals<String>("events");
        var subscription = new CompletableFuture<Flow.Subscription>();
        notifier.events("c", true).subscribe(new Recorder(subscription, seen));
        get(subscription).request(2);
        assertEquals("gap", seen.next("the gap at the start", it -> true));
        for (var payload : new String[] {"1", "2", "3"}) get(notifier.publish("c", payload));
        assertEquals("1", seen.next("the first", it -> true));
        Await.until("all to arrive", () -> notifier.statistics().getReceived() == 3);
        get(subscription).request(1);
        assertEquals("2", seen.next("the second", it -> true));
        get(subscription).request(10);
        assertEquals("3", seen.next("the third", it -> true));
        notifier.close();
        assertEquals("complete", seen.next("the end", it -> true));
    }

    @Test
    @DisplayName("modes are published as they change")
    void modes() {
        var notifier = notifier();
        var seen = new Signals<String>("modes");
        var subscription = new CompletableFuture<Flow.Subscription>();
        notifier.modes().subscribe(new Recorder(subscription, seen));
        get(subscription).request(Long.MAX_VALUE);
        seen.next("LISTENING", "LISTENING"::equals);
        notifier.close();
        seen.next("CLOSED", "CLOSED"::equals);
        assertEquals("CLOSED", notifier.mode().toString());
    }

    @Test
    @DisplayName("cancelling the future of a subscription ends it")
    void cancel() {
        var notifier = notifier();
        get(notifier.subscribe("c", it -> {}));
        var attempt = 0;
        var subscribing = notifier.subscribe("cancelled 0", it -> {});
        while (!subscribing.cancel(true)) { // LISTEN was faster
            get(subscribing).close();
            subscribing = notifier.subscribe("cancelled " + ++attempt, it -> {});
        }
        Await.until("nobody to listen to it", () -> channels(notifier).equals(List.of("c")));
    }

    private static List<String> channels(NotifierAsync notifier) {
        return get(notifier.onListenConnection(Duration.ofSeconds(PATIENCE_SECONDS), connection -> {
            var channels = new ArrayList<String>();
            try (var rows = connection
                    .createStatement()
                    .executeQuery("SELECT c FROM pg_listening_channels() c WHERE c NOT LIKE 'numpool%'")) {
                while (rows.next()) channels.add(rows.getString(1));
            }
            return channels;
        }));
    }

    @Test
    @DisplayName("misuse and failures come through the future")
    void failures() {
        var notifier = notifier();
        assertInstanceOf(IllegalArgumentException.class, failureOf(notifier.subscribe("", it -> {})));
        assertInstanceOf(IllegalArgumentException.class, failureOf(notifier.publish("x".repeat(64), "")));
        assertThrows(IllegalArgumentException.class, () -> notifier.events(""));
        notifier.close();
        notifier.close();
        assertInstanceOf(NotifierClosedException.class, failureOf(notifier.subscribe("c", it -> {})));
        assertInstanceOf(NotifierClosedException.class, failureOf(notifier.publish("c", "")));
        assertInstanceOf(NotifierClosedException.class, failureOf(notifier.queueUsage()));
    }

    @Test
    @DisplayName("publishes in the caller's transaction")
    void transaction() throws SQLException {
        var notifier = notifier();
        var seen = new Signals<String>("payloads");
        get(notifier.subscribe("c", it -> seen.send(it.getPayload())));
        try (var connection = database.connect()) {
            connection.setAutoCommit(false);
            notifier.publish(connection, "c", "rolled back");
            connection.rollback();
            notifier.publish(connection, "c", "committed");
            connection.commit();
        }
        assertEquals("committed", seen.next("the committed one", it -> true));
    }

    @Test
    @DisplayName("tells its state and its numbers")
    void state() {
        var notifier = notifier(NotifierOptions.builder().name("state"));
        Await.until("it listens", notifier::isHealthy);
        assertEquals("state", notifier.name());
        assertEquals("LISTENING", notifier.mode().toString());
        assertTrue(notifier.prompt());
        assertTrue(notifier.statistics().getConnectedAt() != null);
        assertTrue(get(notifier.queueUsage()) < 0.5);
        notifier.close();
        assertFalse(notifier.isHealthy());
    }

    private NotifierAsync notifier() {
        return notifier(NotifierOptions.builder());
    }

    private NotifierAsync notifier(NotifierOptions.Builder options) {
        var notifier = NotifierAsync.open(database.postgresDataSource(), options.build());
        open.push(notifier);
        return notifier;
    }

    private void terminateListener(String name) throws SQLException {
        try (var connection = database.connect();
                var statement = connection.createStatement()) {
            statement.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    + " WHERE datname = current_database() AND application_name = 'numpool-notify " + name + "'");
        }
    }

    private static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static Throwable failureOf(CompletableFuture<?> future) {
        return assertThrows(ExecutionException.class, () -> future.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .getCause();
    }

    /** Sends on what it is told, as text. */
    private record Recorder(CompletableFuture<Flow.Subscription> subscription, Signals<String> seen)
            implements Flow.Subscriber<Object> {
        @Override
        public void onSubscribe(Flow.Subscription it) {
            subscription.complete(it);
        }

        @Override
        public void onNext(Object event) {
            if (event instanceof Gap) seen.send("gap");
            else if (event instanceof Notification notification) seen.send(notification.getPayload());
            else seen.send(event.toString());
        }

        @Override
        public void onError(Throwable error) {
            seen.send("error: " + error);
        }

        @Override
        public void onComplete() {
            seen.send("complete");
        }
    }
}
