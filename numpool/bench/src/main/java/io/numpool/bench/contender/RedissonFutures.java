package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;

/** Redisson's semaphore with permits that expire, by its futures. */
final class RedissonFutures extends FutureSlots<String> {
    private final RedissonClient client;
    private final RPermitExpirableSemaphore semaphore;

    RedissonFutures(Assignment assignment) {
        super(assignment);
        client = RedissonClients.open(assignment.address());
        semaphore = RedissonClients.semaphore(client, assignment);
    }

    static String settings() {
        return "RPermitExpirableSemaphore, no thread waits: acquireAsync(%d, SECONDS), releaseAsync(permitId), and on when that is complete; %s."
                .formatted(RedissonClients.LEASE_SECONDS, RedissonClients.settings());
    }

    @Override
    CompletionStage<String> acquire(int worker) {
        return semaphore.acquireAsync(RedissonClients.LEASE_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    CompletionStage<?> release(String permit) {
        return semaphore.releaseAsync(permit);
    }

    @Override
    int slot(String permit) {
        return Tally.NO_SLOT;
    }

    @Override
    long token(String permit) {
        return Tally.NO_TOKEN;
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
