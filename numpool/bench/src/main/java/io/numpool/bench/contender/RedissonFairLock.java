package io.numpool.bench.contender;

import org.redisson.api.RLock;
import org.redisson.api.RedissonClient;

/** Redisson's fair lock: one slot, and its owner is a thread. */
final class RedissonFairLock extends BlockingSlots {
    private final RedissonClient client;
    private final RLock lock;

    RedissonFairLock(Assignment assignment) {
        super(assignment);
        client = RedissonClients.open(assignment.address());
        lock = client.getFairLock(assignment.name());
    }

    static String settings() {
        return "getFairLock, a thread for each worker: lock(), which a watchdog prolongs, and unlock(); "
                + RedissonClients.settings() + ".";
    }

    @Override
    Worker worker() {
        return new Worker() {
            @Override
            public int acquire() {
                lock.lock();
                return 0;
            }

            @Override
            public void release() {
                lock.unlock();
            }
        };
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
