package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class BlockingFairnessTest {
    private final FairnessProperty property =
            FairnessProperty.withDefaults().programs(50).patience(Duration.ofSeconds(2));

    @Test
    void a_fair_semaphore_is_a_fair_pool() {
        var report = property.check(() -> new SemaphorePool(2));

        assertTrue(report.getWaited() > 0);
    }

    @Test
    void a_pool_that_forgets_a_slot_is_found_out() {
        assertThrows(AssertionError.class, () -> property.check(LeakyPool::new));
    }

    private static class SemaphorePool implements BlockingPool<Integer> {
        private final int capacity;
        private final Semaphore semaphore;
        private final ConcurrentLinkedQueue<Integer> free = new ConcurrentLinkedQueue<>();

        SemaphorePool(int capacity) {
            this.capacity = capacity;
            this.semaphore = new Semaphore(capacity, true);
            for (var slot = 0; slot < capacity; slot++) {
                free.add(slot);
            }
        }

        @Override
        public int capacity() {
            return capacity;
        }

        @Override
        public Integer acquire(int client) throws InterruptedException {
            semaphore.acquire();
            return free.remove();
        }

        @Override
        public void release(Integer resource) {
            free.add(resource);
            semaphore.release();
        }

        @Override
        public int waiting() {
            return semaphore.getQueueLength();
        }

        @Override
        public Object slot(Integer resource) {
            return resource;
        }

        @Override
        public void close() {}
    }

    private static final class LeakyPool extends SemaphorePool {
        private int releases;

        LeakyPool() {
            super(1);
        }

        @Override
        public synchronized void release(Integer resource) {
            if (++releases % 4 != 0) {
                super.release(resource);
            }
        }
    }
}
