package io.numpool.bench.contender;

import io.numpool.bench.tally.Tally;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** Curator's semaphore on ZooKeeper: one client for the process, as its documentation asks. */
final class CuratorSlots extends BlockingSlots {
    private static final int RETRY_MILLIS = 1000;
    private static final int RETRIES = 3;

    private final CuratorFramework client;
    private final InterProcessSemaphoreV2 semaphore;

    CuratorSlots(Assignment assignment) throws InterruptedException {
        super(assignment);
        client = CuratorFrameworkFactory.newClient(
                assignment.address(), new ExponentialBackoffRetry(RETRY_MILLIS, RETRIES));
        client.start();
        client.blockUntilConnected();
        semaphore = new InterProcessSemaphoreV2(client, "/" + assignment.name(), assignment.slots());
    }

    static String settings() {
        return "InterProcessSemaphoreV2, one CuratorFramework for the process with ExponentialBackoffRetry(%d, %d), a thread for each worker:"
                        .formatted(RETRY_MILLIS, RETRIES)
                + " acquire(), returnLease(lease); a ZooKeeper server of its own that syncs its log, as is its default.";
    }

    @Override
    Worker worker() {
        return new Worker() {
            private Lease lease;

            @Override
            public int acquire() throws Exception {
                lease = semaphore.acquire();
                return Tally.NO_SLOT;
            }

            @Override
            public void release() {
                semaphore.returnLease(lease);
            }
        };
    }

    @Override
    public void close() {
        client.close();
    }
}
