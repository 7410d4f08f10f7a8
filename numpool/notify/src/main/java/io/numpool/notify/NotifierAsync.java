package io.numpool.notify;

import io.numpool.notify.internal.Futures;
import java.sql.Connection;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.sql.DataSource;

/**
 * LISTEN/NOTIFY on one connection, for Java. See {@link Notifier}, whose view this is.
 *
 * <p>Futures fail with a {@link NotifierException}, or with an {@link IllegalArgumentException} for a bad name or payload.
 * Cancelling a future cancels what it stands for, as far as that has not happened yet.
 */
public interface NotifierAsync extends AutoCloseable {
    /**
     * A notifier at the default settings. Returns at once: it connects on its own.
     *
     * @param dataSource where it takes connections to send, and learns where to listen; never closed by the notifier
     * @return a running notifier
     */
    static NotifierAsync open(DataSource dataSource) {
        return open(dataSource, NotifierOptions.builder().build());
    }

    /**
     * A notifier on the database of a DataSource. Returns at once: it connects on its own.
     *
     * @param dataSource where it takes connections to send, and learns where to listen; never closed by the notifier
     * @param options settings
     * @return a running notifier
     */
    static NotifierAsync open(DataSource dataSource, NotifierOptions options) {
        return of(Notifier.open(
                ConnectionProvider.listening(dataSource), ConnectionProvider.sending(dataSource), options));
    }

    /**
     * A notifier on connections of its own. Returns at once: it connects on its own.
     *
     * @param url a {@code jdbc:postgresql:} URL
     * @param options settings
     * @return a running notifier
     */
    static NotifierAsync open(String url, NotifierOptions options) {
        var connections = ConnectionProvider.of(url);
        return of(Notifier.open(connections, connections, options));
    }

    /**
     * Another face of a notifier; closing one closes both.
     *
     * @param notifier what it is a view of
     * @return the view
     */
    static NotifierAsync of(Notifier notifier) {
        return Futures.view(notifier);
    }

    /**
     * The name given in the options.
     *
     * @return the name
     */
    String name();

    /**
     * What it can promise now.
     *
     * @return the mode
     */
    NotifierMode mode();

    /**
     * The modes as they change, the one at the time of subscribing first; a slow subscriber sees the newest only. Never completes.
     *
     * @return a publisher for any number of subscribers
     */
    Flow.Publisher<NotifierMode> modes();

    /**
     * Whether notifications arrive now: {@link #mode()} is {@link NotifierMode.Listening}.
     *
     * @return true when they do
     */
    boolean isHealthy();

    /**
     * Counters and times since it was opened.
     *
     * @return as of now
     */
    NotifierStatistics statistics();

    /**
     * Whether its LISTEN connection is free of pgjdbc's 1 ms delay.
     *
     * @return true when it uses {@link PromptSocketFactory}
     */
    boolean prompt();

    /**
     * Subscribes. The handler may block: it runs on a thread for blocking work, one call at a time. Gaps are ignored.
     *
     * @param channel any name of 1 to 63 bytes
     * @param handler called for each notification; what it throws goes to the observer; interrupted when it takes longer
     *     than {@code handlerTimeout}
     * @return completed when LISTEN is committed; cancelled before, nothing is subscribed. Fails with
     *     {@link ListenUnavailableException} or {@link NotifierClosedException}
     */
    CompletableFuture<SubscriptionAsync> subscribe(String channel, Consumer<? super Notification> handler);

    /**
     * Subscribes, and is told where notifications may be missing.
     *
     * @param channel any name of 1 to 63 bytes
     * @param handler as in {@link #subscribe(String, Consumer)}
     * @param onGap called instead of {@code handler} where notifications may be missing
     * @return as {@link #subscribe(String, Consumer)}
     */
    CompletableFuture<SubscriptionAsync> subscribe(
            String channel, Consumer<? super Notification> handler, Consumer<? super Gap> onGap);

    /**
     * Subscribes, with a say where the handlers run.
     *
     * @param channel any name of 1 to 63 bytes
     * @param handler as in {@link #subscribe(String, Consumer)}
     * @param onGap called instead of {@code handler} where notifications may be missing
     * @param executor runs both, one call at a time
     * @return as {@link #subscribe(String, Consumer)}
     */
    CompletableFuture<SubscriptionAsync> subscribe(
            String channel, Consumer<? super Notification> handler, Consumer<? super Gap> onGap, Executor executor);

    /**
     * Subscribes without waiting for LISTEN, and stays subscribed where {@link #subscribe} would fail: when notifications don't arrive in these
     * surroundings, and as long as the database can't be reached.
     *
     * @param channel any name of 1 to 63 bytes
     * @param handler as in {@link #subscribe(String, Consumer)}
     * @param onGap called instead of {@code handler} where notifications may be missing
     * @return the subscription; see {@link SubscriptionAsync#listening()}
     * @throws IllegalArgumentException for a name that is no channel's
     * @throws NotifierClosedException when closed
     */
    SubscriptionAsync register(String channel, Consumer<? super Notification> handler, Consumer<? super Gap> onGap);

    /**
     * Subscribes with a handler that goes on elsewhere: the next event waits until its stage is complete. The stage's failure
     * goes to the observer; a {@code CompletableFuture} that takes longer than {@code handlerTimeout} is cancelled.
     *
     * @param channel any name of 1 to 63 bytes
     * @param handler called for each notification and each gap, on one of the notifier's threads: must not block
     * @return as {@link #subscribe(String, Consumer)}
     */
    CompletableFuture<SubscriptionAsync> subscribeAsync(
            String channel, Function<? super NotifierEvent, ? extends CompletionStage<?>> handler);

    /**
     * The notifications and gaps of a channel from the subscription on.
     *
     * @param channel any name of 1 to 63 bytes
     * @return as {@link #events(String, boolean)} without a gap at the start
     */
    Flow.Publisher<NotifierEvent> events(String channel);

    /**
     * The notifications and gaps of a channel; each subscriber has a buffer of its own, filled while it requests nothing.
     * Completes when the notifier is closed, and fails with {@link NotifierClosedException} when it gave up reconnecting.
     *
     * @param channel any name of 1 to 63 bytes
     * @param startWithGap begin with a {@link Gap} as soon as LISTEN is committed: load on it, and nothing is missed
     * @return a publisher for any number of subscribers
     * @throws IllegalArgumentException for a name that is no channel's
     */
    Flow.Publisher<NotifierEvent> events(String channel, boolean startWithGap);

    /**
     * Sends a notification on another connection than the one that listens.
     *
     * @param channel any name of 1 to 63 bytes
     * @param payload at most {@code maxPayloadBytes}, without NUL
     * @return completed when it is committed; cancelled before its transaction has begun, it is not sent. Fails with
     *     {@link PublishException} or {@link NotifierClosedException}
     */
    CompletableFuture<Void> publish(String channel, String payload);

    /**
     * Sends a notification in the transaction that a connection is in: it goes out when that commits, and not at all when
     * it is rolled back. Blocks for a round trip.
     *
     * @param connection the caller's
     * @param channel any name of 1 to 63 bytes
     * @param payload at most {@code maxPayloadBytes}, without NUL
     * @throws IllegalArgumentException for a bad name or payload
     * @throws PublishException when the database refuses; the transaction is aborted then
     * @throws NotifierClosedException when closed
     */
    void publish(Connection connection, String channel, String payload);

    /**
     * How full the server's queue of notifications is, between 0 and 1, over all its databases.
     *
     * @return the fraction; fails with {@link java.sql.SQLException} when the database is not to be asked
     */
    CompletableFuture<Double> queueUsage();

    /**
     * Runs something on the LISTEN connection, between two reads, on the listener's thread; in the order of the calls. A transaction it leaves
     * open is rolled back. When the server leaves it without an answer for longer than the longer of {@code timeout} and {@code pingTimeout}, the
     * connection is aborted.
     *
     * @param timeout how long to wait for its turn
     * @param block must not close the connection
     * @param <T> of its result
     * @return what {@code block} returns or throws; fails with {@link NoListenConnectionException} when it could not be started in time, and will
     *     not run then; with {@link NotifierClosedException} when closed
     */
    <T> CompletableFuture<T> onListenConnection(Duration timeout, ConnectionFunction<? extends T> block);

    /**
     * Stops reading, lets handlers finish what is buffered, sends what waits to be sent, cancels (interrupts) what is left after {@code
     * closeTimeout}, and waits for all that. Leaves no thread and no connection behind. Twice is fine. From a handler, a hook or an observer it
     * doesn't wait.
     */
    @Override
    void close();
}
