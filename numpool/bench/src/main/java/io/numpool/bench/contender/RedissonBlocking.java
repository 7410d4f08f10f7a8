package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.util.concurrent.TimeUnit;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;

/** Redisson's semaphore with permits that expire, by its blocking calls. */
final class RedissonBlocking extends BlockingSlots {
    private final RedissonClient client;
    private final RPermitExpirableSemaphore semaphore;

    RedissonBlocking(Assignment assignment) {
        super(assignment);
        client = RedissonClients.open(assignment.address());
        semaphore = RedissonClients.semaphore(client, assignment);
    }

    static String settings() {
        return "RPermitExpirableSemaphore, a thread for each worker: acquire(%d, SECONDS), release(permitId); %s."
                .formatted(RedissonClients.LEASE_SECONDS, RedissonClients.settings());
    }

    @Override
    Worker worker() {
        return new Worker() {
            private String permit;

            @Override
            public int acquire() throws InterruptedException {
                permit = semaphore.acquire(RedissonClients.LEASE_SECONDS, TimeUnit.SECONDS);
                return Tally.NO_SLOT;
            }

            @Override
            public void release() {
                semaphore.release(permit);
            }
        };
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
