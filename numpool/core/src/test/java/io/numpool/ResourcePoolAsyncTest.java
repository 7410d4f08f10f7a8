package io.numpool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.testkit.Await;
import io.numpool.testkit.Signals;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class ResourcePoolAsyncTest extends FacadeTest {
    record Site(String region, int racks) {}

    @Test
    @DisplayName("acquire: first come first served, over two clients")
    void firstComeFirstServed() {
        var a = get(client().pool("fifo", 1));
        var b = get(client().pool("fifo", 1));
        var holder = get(a.acquire());
        var first = b.acquire();
        awaitWaiting(a, 1);
        var second = a.acquire(Duration.ofSeconds(PATIENCE_SECONDS));
        awaitWaiting(a, 2);
        holder.close();
        var next = get(first);
        assertFalse(second.isDone());
        assertEquals(ResourceState.RELEASED, get(next.release()));
        get(second).close();
    }

    @Test
    @DisplayName("acquires of one thread are in the queue in the order in which it asked")
    void inTheOrderOfAsking() {
        var pool = get(client().pool("one thread", 1));
        var holder = get(pool.acquire());
        var asked = Stream.generate(pool::acquire).limit(500).toList();
        holder.close();
        var tokens = new ArrayList<Long>();
        for (var one : asked) {
            try (var resource = get(one)) {
                tokens.add(resource.token());
            }
        }
        assertEquals(tokens.stream().sorted().toList(), tokens);
    }

    @Test
    @DisplayName("acquire by timeout fails with AcquireTimeoutException")
    void timeout() throws Exception {
        var pool = get(client().pool("timeout", 1));
        get(pool.acquire());
        var timeout = assertInstanceOf(AcquireTimeoutException.class, failure(pool.acquire(Duration.ofMillis(100))));
        assertEquals(1, timeout.getHeld());
        assertEquals(1, timeout.getPlace());
        assertTrue(timeout.getWaited().toMillis() >= 100);
        assertInstanceOf(AcquireTimeoutException.class, failure(pool.acquire(Duration.ZERO)));
    }

    @Test
    @DisplayName("acquire with a label and a request id")
    void options() {
        var pool = get(client().pool("options", 2));
        var id = UUID.randomUUID();
        var options = AcquireOptions.builder().label("job 7").requestId(id).build();
        var first = get(pool.acquire(options));
        assertEquals(Optional.of("job 7"), first.label());
        assertEquals(first.token(), get(pool.acquire(options)).token());
        assertEquals("job 7", get(pool.status()).holders().get(0).label());
        assertEquals(Optional.of(id), options.requestId());
    }

    @Test
    @DisplayName("tryAcquire with a label and a request id")
    void tryOptions() {
        var pool = get(client().pool("try options", 2));
        var options = AcquireOptions.builder()
                .label("job 8")
                .requestId(UUID.randomUUID())
                .build();
        var first = get(pool.tryAcquire(options)).orElseThrow();
        assertEquals(Optional.of("job 8"), first.label());
        assertEquals(first.token(), get(pool.tryAcquire(options)).orElseThrow().token());
    }

    @Test
    @DisplayName("withResource with a label and a timeout")
    void withResourceOptions() throws Exception {
        var pool = get(client().pool("with options", 1));
        var options = AcquireOptions.builder()
                .label("job 9")
                .timeout(Duration.ofMillis(100))
                .build();
        assertEquals(Optional.of("job 9"), get(pool.withResource(options, Runnable::run, ResourceAsync::label)));
        awaitIdle(pool);
        get(pool.acquire());
        assertInstanceOf(
                AcquireTimeoutException.class,
                failure(pool.withResource(options, Runnable::run, ResourceAsync::label)));
    }

    @Test
    @DisplayName("cancel leaves the queue, and leaks nothing")
    void cancel() {
        var pool = get(client().pool("cancel", 1));
        var holder = get(pool.acquire());
        var waiter = pool.acquire();
        awaitWaiting(pool, 1);
        assertTrue(waiter.cancel(true));
        awaitWaiting(pool, 0);
        get(holder.release());
        for (int i = 0; i < 200; i++) {
            var late = pool.acquire();
            if (!late.cancel(true)) get(late).close(); // it had its slot before the cancel
        }
        awaitIdle(pool);
        get(pool.acquire()).close();
    }

    @Test
    @DisplayName("an acquire that its caller completes otherwise gives the slot back")
    void obtruded() {
        var pool = get(client().pool("completed", 1));
        var holder = get(pool.acquire());
        var waiter = pool.acquire();
        awaitWaiting(pool, 1);
        waiter.completeExceptionally(new IllegalStateException("enough"));
        get(holder.release());
        awaitIdle(pool);
    }

    @Test
    @DisplayName("tryAcquire is empty when nothing is free")
    void tryAcquire() {
        var pool = get(client().pool("try", 1));
        var resource = get(pool.tryAcquire()).orElseThrow();
        assertEquals(
                Optional.empty(),
                get(pool.tryAcquire(AcquireOptions.builder().label("x").build())));
        get(resource.release());
        get(pool.tryAcquire()).orElseThrow().close();
    }

    @Test
    @DisplayName("withResource runs blocking code off numpool's threads, and gives back its value")
    void withResource() {
        var pool = get(client(NumpoolOptions.builder().storeConnections(1)).pool("blocking", 4));
        var together = new CountDownLatch(4);
        var executor = Executors.newFixedThreadPool(4, task -> new Thread(task, "mine"));
        var calls = java.util.stream.IntStream.range(0, 4)
                .mapToObj(i -> pool.withResource(AcquireOptions.defaults(), executor, slot -> {
                    together.countDown();
                    await(together);
                    return Thread.currentThread().getName() + slot.index();
                }))
                .toList();
        assertEquals(
                List.of("mine0", "mine1", "mine2", "mine3"),
                calls.stream().map(FacadeTest::get).sorted().toList());
        executor.shutdown();
        assertEquals("value", get(pool.withResource(slot -> "value")));
        awaitIdle(pool);
    }

    @Test
    @DisplayName("withResource passes on what the block throws, and gives the slot back")
    void withResourceThrows() throws Exception {
        var pool = get(client().pool("throws", 1));
        var thrown = new IllegalStateException("mine");
        var failure = failure(pool.withResource(slot -> {
            throw thrown;
        }));
        assertEquals(IllegalStateException.class, failure.getClass());
        assertEquals("mine", failure.getMessage());
        awaitIdle(pool);
    }

    @Test
    @DisplayName("an executor that refuses the block fails the call, and the slot is given back")
    void refusedByExecutor() throws Exception {
        var pool = get(client().pool("refused", 1));
        var call = pool.withResource(
                AcquireOptions.defaults(),
                task -> {
                    throw new RejectedExecutionException("full");
                },
                slot -> "never");
        assertInstanceOf(RejectedExecutionException.class, failure(call));
        awaitIdle(pool);
    }

    @Test
    @DisplayName("an executor that drops the block without a word: cancelling the call gives the slot back")
    void droppedByExecutor() {
        var pool = get(client().pool("dropped", 1));
        var call = pool.withResource(AcquireOptions.defaults(), dropped -> {}, slot -> "never");
        awaitHeld(pool, 1);
        assertTrue(call.cancel(true));
        awaitIdle(pool);
    }

    @Test
    @DisplayName("lost: what somebody does then, and for how long, does not keep others from hearing of theirs")
    void lostToEach() {
        var pool = get(client().pool("lost to each", 2));
        var first = get(pool.acquire());
        var second = get(pool.acquire());
        var begun = new CountDownLatch(1);
        var end = new CountDownLatch(1);
        var stopping = first.lost().thenRun(() -> {
            begun.countDown();
            await(end);
        });
        var operator = get(client().pool("lost to each"));
        assertTrue(get(operator.evict(first.index())));
        await(begun);
        assertTrue(get(operator.evict(second.index())));
        assertEquals(second.token(), get(second.lost()).getToken());
        assertFalse(stopping.isDone());
        end.countDown();
        get(stopping);
        first.close();
        second.close();
        awaitIdle(pool);
    }

    @Test
    @DisplayName("withResource refuses a request id")
    void withResourceRefusesRequestId() {
        var pool = get(client().pool("named", 1));
        var options = AcquireOptions.builder().requestId(UUID.randomUUID()).build();
        assertThrows(IllegalArgumentException.class, () -> pool.withResource(options, Runnable::run, slot -> 1));
    }

    @Test
    @DisplayName("cancelling withResource interrupts the block; the slot goes on when it has ended")
    void interrupts() {
        var pool = get(client().pool("interrupted", 1));
        var log = new Signals<String>("block");
        var call = pool.withResource(slot -> {
            log.send("started");
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException interrupted) {
                log.send("interrupted, held: " + slot.isHeld());
            }
            return null;
        });
        log.next("start", "started"::equals);
        assertTrue(call.cancel(true));
        log.next("interrupt", "interrupted, held: true"::equals);
        awaitIdle(pool);
    }

    @Test
    @DisplayName("the loss of the slot interrupts the block, and the call fails with ResourceLostException")
    void loss() throws Exception {
        var numpool = client();
        var pool = get(numpool.pool("lost", 1));
        var started = new CountDownLatch(1);
        var interrupted = new CompletableFuture<Boolean>();
        var call = pool.withResource(slot -> {
            started.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException expected) {
                interrupted.complete(slot.isHeld());
            }
            return null;
        });
        await(started);
        get(numpool.deletePool("lost", false));
        assertFalse(get(interrupted));
        assertEquals(
                "lost",
                assertInstanceOf(ResourceLostException.class, failure(call)).getPool());
    }

    @Test
    @DisplayName("withResourceAsync gives back when the stage has completed")
    void withResourceAsync() throws Exception {
        var pool = get(client().pool("async", 1));
        var stage = new CompletableFuture<String>();
        var call = pool.withResourceAsync(AcquireOptions.defaults(), slot -> stage);
        Await.until("the slot to be held", () -> get(pool.status()).held() == 1);
        stage.complete("done");
        assertEquals("done", get(call));
        awaitIdle(pool);
        var thrown = new IllegalStateException("mine");
        var failure = failure(
                pool.withResourceAsync(AcquireOptions.defaults(), slot -> CompletableFuture.failedFuture(thrown)));
        assertEquals(IllegalStateException.class, failure.getClass());
        assertEquals("mine", failure.getMessage());
        awaitIdle(pool);
    }

    @Test
    @DisplayName("cancelling withResourceAsync cancels the stage")
    void cancelsStage() {
        var pool = get(client().pool("stage", 1));
        var stage = new CompletableFuture<String>();
        var call = pool.withResourceAsync(AcquireOptions.defaults(), slot -> stage);
        Await.until("the slot to be held", () -> get(pool.status()).held() == 1);
        call.cancel(true);
        assertThrows(CancellationException.class, () -> get(stage));
        awaitIdle(pool);
    }

    @Test
    @DisplayName("withLock runs one block at a time over all clients")
    void withLock() {
        var a = get(client().pool("locked", 3));
        var b = get(client().pool("locked", 3));
        var inside = new java.util.concurrent.atomic.AtomicInteger();
        var calls = java.util.stream.IntStream.range(0, 20)
                .mapToObj(i -> (i % 2 == 0 ? a : b).withLock(() -> {
                    var others = inside.getAndIncrement();
                    Thread.yield();
                    inside.decrementAndGet();
                    return others;
                }))
                .toList();
        assertEquals(0, calls.stream().mapToInt(FacadeTest::get).sum());
    }

    @Test
    @DisplayName("metadata as a record, and as a tree; updates compare and set")
    void metadata() throws Exception {
        var numpool = client();
        var pool = get(numpool.pool("metadata", 1, new Site("eu-1", 3)));
        assertEquals(Optional.of(new Site("eu-1", 3)), pool.metadata(Site.class));
        assertEquals("eu-1", pool.metadata().orElseThrow().get("region").textValue());
        var other = get(client().pool("metadata"));
        get(other.updateMetadata(new Site("eu-2", 4)));
        var conflict =
                assertInstanceOf(MetadataConflictException.class, failure(pool.updateMetadata(new Site("x", 0))));
        assertTrue(conflict.getCurrent().contains("eu-2"));
        get(other.updateMetadata(null));
        get(pool.refresh());
        assertEquals(Optional.empty(), pool.metadata(Site.class));
        assertEquals(Optional.empty(), pool.metadata());
    }

    @Test
    @DisplayName("resize, status and queue")
    void resizeStatusQueue() {
        var pool = get(client().pool("sizes", 1));
        get(pool.acquire());
        var waiter = pool.acquire(AcquireOptions.builder().label("next").build());
        awaitWaiting(pool, 1);
        assertEquals("next", get(pool.queue()).get(0).label());
        get(pool.resize(2));
        assertEquals(1, get(waiter).index());
        var status = get(pool.status());
        assertEquals(List.of(2, 2, 0, 0), List.of(status.capacity(), status.held(), status.free(), status.waiting()));
        assertEquals(2, pool.capacity());
    }

    @Test
    @DisplayName("statuses: a publisher of the present status and of each change")
    void statuses() {
        var pool = get(client().pool("published", 1));
        var seen = new Signals<Integer>("held");
        var subscription = new CompletableFuture<Flow.Subscription>();
        pool.statuses(Duration.ofMillis(20)).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription it) {
                subscription.complete(it);
                it.request(Long.MAX_VALUE);
            }

            @Override
            public void onNext(PoolStatus status) {
                seen.send(status.held());
            }

            @Override
            public void onError(Throwable error) {
                seen.send(-1);
            }

            @Override
            public void onComplete() {
                seen.send(-2);
            }
        });
        seen.next("the present", held -> held == 0);
        var resource = get(pool.acquire());
        seen.next("a holder", held -> held == 1);
        resource.close();
        seen.next("its release", held -> held == 0);
        get(subscription).cancel();
    }

    @Test
    @DisplayName("statuses: who asks for none is told so")
    void statusesOfNone() {
        var pool = get(client().pool("published", 1));
        var failure = new CompletableFuture<Throwable>();
        pool.statuses(Duration.ofMillis(20)).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription it) {
                it.request(0);
            }

            @Override
            public void onNext(PoolStatus status) {
                failure.completeExceptionally(new AssertionError(status));
            }

            @Override
            public void onError(Throwable error) {
                failure.complete(error);
            }

            @Override
            public void onComplete() {
                failure.completeExceptionally(new AssertionError("complete"));
            }
        });
        assertInstanceOf(IllegalArgumentException.class, get(failure));
    }

    @Test
    @DisplayName("close of a pool fails its waiters, and gives back what it holds")
    void close() throws Exception {
        var numpool = client();
        var pool = get(numpool.pool("view", 1));
        var held = get(pool.acquire());
        var waiter = pool.acquire();
        awaitWaiting(pool, 1);
        pool.close();
        assertInstanceOf(NumpoolClosedException.class, failure(waiter));
        assertEquals(ResourceState.RELEASED, get(held.release()));
        get(get(numpool.pool("view")).acquire()).close();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    private static void awaitWaiting(ResourcePoolAsync pool, int length) {
        Await.value("queue of " + pool.id(), () -> get(pool.status()).waiting(), waiting -> waiting == length);
    }

    private static void awaitHeld(ResourcePoolAsync pool, int slots) {
        Await.value("held of " + pool.id(), () -> get(pool.status()).held(), held -> held == slots);
    }

    private static void awaitIdle(ResourcePoolAsync pool) {
        Await.value(
                "idle " + pool.id(), () -> get(pool.status()), status -> status.held() == 0 && status.waiting() == 0);
    }
}
