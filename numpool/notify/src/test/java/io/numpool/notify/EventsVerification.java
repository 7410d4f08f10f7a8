package io.numpool.notify;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.numpool.testkit.TestDatabase;
import io.numpool.testkit.TestPostgres;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.testng.annotations.AfterClass;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeClass;

/**
 * The publisher of {@link NotifierAsync#events(String)} held to the rules of Reactive Streams. One of n elements is a
 * notifier that is sent n notifications when somebody listens, and closed when they have arrived.
 */
public class EventsVerification extends FlowPublisherVerification<NotifierEvent> {
    private static final long PATIENCE_MILLIS = 3_000;
    private static final long SILENCE_MILLIS = 100;
    private static final String CHANNEL = "elements";

    private final Queue<AutoCloseable> open = new ConcurrentLinkedQueue<>();
    private TestDatabase database;
    private HikariDataSource dataSource;

    public EventsVerification() {
        super(new TestEnvironment(PATIENCE_MILLIS, SILENCE_MILLIS), PATIENCE_MILLIS);
    }

    @BeforeClass
    public void openDatabase() {
        database = TestPostgres.shared().emptyDatabase();
        var config = new HikariConfig();
        config.setJdbcUrl(database.urlWithPassword());
        config.setMaximumPoolSize(4);
        dataSource = new HikariDataSource(config);
    }

    @AfterMethod
    public void closeNotifiers() throws Exception {
        for (var each = open.poll(); each != null; each = open.poll()) each.close();
    }

    @AfterClass
    public void closeDatabase() {
        dataSource.close();
        database.close();
    }

    @Override
    public Flow.Publisher<NotifierEvent> createFlowPublisher(long elements) {
        var self = new CompletableFuture<NotifierAsync>();
        var arrived = new AtomicLong();
        var observer = new NotifierObserver() {
            @Override
            public void onSubscribe(String channel) {
                self.thenAcceptAsync(it -> send(it, elements));
            }

            @Override
            public void onNotification(Notification notification) {
                if (arrived.incrementAndGet() == elements) self.thenAcceptAsync(NotifierAsync::close);
            }
        };
        var notifier = NotifierAsync.open(
                dataSource, NotifierOptions.builder().observer(observer).build());
        open.add(notifier);
        self.complete(notifier);
        return notifier.events(CHANNEL);
    }

    private void send(NotifierAsync notifier, long elements) {
        if (elements == 0) notifier.close();
        try {
            for (var i = 0L; i < elements; i++)
                notifier.publish(CHANNEL, Long.toString(i)).join();
        } catch (CompletionException closed) {
            // some rules ask for more elements than anybody could take
            if (!(closed.getCause() instanceof NotifierClosedException)) throw closed;
        }
    }

    @Override
    public Flow.Publisher<NotifierEvent> createFailedFlowPublisher() {
        var closed = NotifierAsync.open(dataSource);
        closed.close();
        return closed.events(CHANNEL);
    }
}
