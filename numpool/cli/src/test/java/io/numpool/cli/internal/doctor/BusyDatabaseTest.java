package io.numpool.cli.internal.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.numpool.AcquireOptions;
import io.numpool.AcquireTimeoutException;
import io.numpool.NumpoolAsync;
import io.numpool.NumpoolException;
import io.numpool.NumpoolOptions;
import io.numpool.ResourceLostException;
import io.numpool.ResourcePoolAsync;
import io.numpool.StaleTokenException;
import io.numpool.cli.internal.doctor.Clinic.Ward;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing is found where all is well, however much is going on. */
class BusyDatabaseTest {
    private static final int CLIENTS = 4;
    private static final int EXAMINATIONS = 40;
    private static final List<String> POOLS = List.of("a", "b", "c");

    /** What a client may do. Each has to have happened a few times. */
    private enum Act {
        ACQUIRED_SEVERAL,
        NOT_SERVED,
        TIMED_OUT,
        CANCELLED,
        NAMED,
        LOCKED,
        FENCED,
        LOST,
        RESIZED,
        EVICTED,
        DELETED,
        REOPENED,
        LEFT_BEHIND
    }

    private final Map<Act, AtomicInteger> acts = new EnumMap<>(Act.class);
    private volatile boolean isBusy = true;

    @Test
    @Timeout(300)
    void nothingIsFoundOnABusyHealthyDatabase() throws Exception {
        for (var act : Act.values()) {
            acts.put(act, new AtomicInteger());
        }
        var ward = Clinic.shared().ward();
        var threads = Executors.newCachedThreadPool();
        try (var observer = open(ward)) {
            List<Future<Void>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(threads.submit(new Client(ward, new Random(i), threads)));
            }
            for (int i = 0; i < EXAMINATIONS || !everythingHappened(); i++) {
                assertEquals(List.of(), ward.found());
                assertEquals(List.of(), observer.inspect().join());
                for (var client : clients) {
                    if (client.isDone()) {
                        client.get(); // throws what ended it
                    }
                }
            }
            isBusy = false;
            for (var client : clients) {
                client.get(60, TimeUnit.SECONDS);
            }
            System.out.println("examined a busy database " + EXAMINATIONS + " times or more: " + acts);
        } finally {
            isBusy = false;
            threads.shutdownNow();
        }
    }

    private static NumpoolAsync open(Ward ward) {
        var address = ward.clinic().address();
        return NumpoolAsync.open(
                address.jdbcUrl(),
                address.user(),
                address.password(),
                NumpoolOptions.builder()
                        .schema(ward.schema())
                        .migrate(false)
                        .reaperTick(Duration.ofMillis(100))
                        .build());
    }

    private boolean everythingHappened() {
        return acts.values().stream().allMatch(count -> count.get() >= 3);
    }

    private void did(Act act) {
        acts.get(act).incrementAndGet();
    }

    /** One process, so to speak. */
    private final class Client implements Callable<Void> {
        private final Ward ward;
        private final Random random;
        private final ExecutorService threads;
        private NumpoolAsync numpool;

        Client(Ward ward, Random random, ExecutorService threads) {
            this.ward = ward;
            this.random = random;
            this.threads = threads;
        }

        @Override
        public Void call() throws Exception {
            while (isBusy) {
                try (var opened = open(ward)) {
                    numpool = opened;
                    List<Future<?>> callers = new ArrayList<>();
                    for (int i = 0; i < 3; i++) {
                        var its = new Random(random.nextLong());
                        callers.add(threads.submit(() -> {
                            for (int n = 0; n < 200 && isBusy; n++) {
                                act(its);
                            }
                            return null;
                        }));
                    }
                    for (var caller : callers) {
                        caller.get();
                    }
                    leaveOneBehind();
                }
                did(Act.REOPENED);
            }
            return null;
        }

        /** A session that holds a slot, waits for two, and is never heard of again. */
        private void leaveOneBehind() throws SQLException {
            ward.execute("""
                    SELECT (exchange(s.session_id, 0, p.pool_number, false, '{}', '{}', '{}',
                      ARRAY[gen_random_uuid(), gen_random_uuid()], '{0, 0}', '{NULL, NULL}', '{1, 2}')).held
                    FROM open_session(ROW('left', 'behind', 1)::process, 900, 300, true, NULL) s, find_pool('a') p""");
            did(Act.LEFT_BEHIND);
        }

        private void act(Random its) {
            try {
                var id = POOLS.get(its.nextInt(POOLS.size()));
                var pool = pool(id);
                switch (its.nextInt(24)) {
                    case 0 -> delete(id);
                    case 1 -> resize(pool, its);
                    case 2 -> evict(pool, its);
                    case 3 -> lock(pool);
                    case 4, 5, 6 -> tryOnce(pool);
                    case 7, 8, 9 -> cancelled(pool);
                    case 10, 11, 12 -> several(pool, its);
                    case 13, 14, 15 -> named(pool, its);
                    default -> one(pool);
                }
            } catch (CompletionException e) {
                if (e.getCause() instanceof AcquireTimeoutException) {
                    did(Act.TIMED_OUT);
                } else if (!isOthersDoing(e.getCause())) {
                    throw e;
                }
            } catch (ResourceLostException | StaleTokenException e) {
                did(Act.LOST);
            }
        }

        /** Who delete, resize and evict, and ask under the same request id. */
        private boolean isOthersDoing(Throwable failure) {
            return failure instanceof NumpoolException || failure instanceof IllegalStateException;
        }

        /** {@code a} stays; and a pool that somebody has resized is taken as it is. */
        private ResourcePoolAsync pool(String id) {
            try {
                return numpool.pool(id).join();
            } catch (CompletionException e) {
                return numpool.pool(id, 3).join();
            }
        }

        private void delete(String id) {
            if (!id.equals("a")) {
                numpool.deletePool(id, false).join();
                did(Act.DELETED);
            }
        }

        private void resize(ResourcePoolAsync pool, Random its) {
            pool.resize(2 + its.nextInt(4)).join();
            did(Act.RESIZED);
        }

        private void evict(ResourcePoolAsync pool, Random its) {
            if (its.nextBoolean()
                    ? pool.evict(its.nextInt(2)).join()
                    : numpool.evictSession(numpool.session()).join() > 0) {
                did(Act.EVICTED);
            }
        }

        private void lock(ResourcePoolAsync pool) {
            pool.withLock(() -> null).join();
            did(Act.LOCKED);
        }

        private void tryOnce(ResourcePoolAsync pool) {
            pool.tryAcquire().join().ifPresentOrElse(slot -> slot.close(), () -> did(Act.NOT_SERVED));
        }

        private void cancelled(ResourcePoolAsync pool) {
            CompletableFuture<?> asked = pool.acquire();
            if (asked.cancel(true)) {
                did(Act.CANCELLED);
            }
        }

        private void one(ResourcePoolAsync pool) {
            try (var slot = pool.acquire(Duration.ofMillis(50)).join();
                    var connection = ward.connect()) {
                connection.setAutoCommit(false);
                slot.fence(connection);
                connection.commit();
                did(Act.FENCED);
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }

        private void several(ResourcePoolAsync pool, Random its) {
            var options =
                    AcquireOptions.builder().timeout(Duration.ofMillis(50)).build();
            try (var slots = pool.acquire(2, options).join()) {
                slots.resources()
                        .get(its.nextInt(2))
                        .close(); // then the grant is one of tokens that do not follow each other
                did(Act.ACQUIRED_SEVERAL);
            }
        }

        /** Of few ids, so that several ask under the same. */
        private void named(ResourcePoolAsync pool, Random its) {
            var options = AcquireOptions.builder()
                    .timeout(Duration.ofMillis(50))
                    .requestId(new UUID(0, its.nextInt(4)))
                    .build();
            pool.acquire(options).join().close();
            did(Act.NAMED);
        }
    }
}
