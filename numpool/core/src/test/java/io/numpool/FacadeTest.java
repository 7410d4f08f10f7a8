package io.numpool;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.numpool.testkit.TestDatabase;
import io.numpool.testkit.TestPostgres;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.TestInstance;

/** A database for a test class, and clients that end with each test. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class FacadeTest {
    static final long PATIENCE_SECONDS = 30;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private final TestDatabase database = TestPostgres.shared().newDatabase();
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    @AfterEach
    void closeAll() throws Exception {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }

    @AfterAll
    void dropDatabase() {
        database.close();
    }

    TestDatabase database() {
        return database;
    }

    HikariDataSource dataSource() {
        var config = new HikariConfig();
        config.setJdbcUrl(database.url());
        config.setUsername(database.user());
        config.setPassword(database.password());
        config.setMaximumPoolSize(4);
        config.setMinimumIdle(0);
        var dataSource = new HikariDataSource(config);
        open.push(dataSource);
        return dataSource;
    }

    NumpoolAsync client() {
        return client(NumpoolOptions.builder());
    }

    NumpoolAsync client(NumpoolOptions.Builder options) {
        var client = NumpoolAsync.open(
                dataSource(), options.name("facade-" + NAMES.incrementAndGet()).build());
        open.push(client);
        return client;
    }

    /** The value of a future that completes soon. */
    static <T> T get(CompletableFuture<T> future) {
        return future.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    }

    /** What a future fails with. */
    static Throwable failure(CompletableFuture<?> future) throws InterruptedException {
        try {
            var value = future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            throw new AssertionError("It did not fail, but gave " + value);
        } catch (ExecutionException failed) {
            var cause = failed.getCause();
            return cause instanceof CompletionException ? cause.getCause() : cause;
        } catch (TimeoutException late) {
            throw new AssertionError("It did not end in time", late);
        }
    }
}
