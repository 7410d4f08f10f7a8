package io.numpool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class ResourceAsyncTest extends FacadeTest {
    @Test
    @DisplayName("a resource tells pool, index, token, label and time")
    void tells() {
        var pool = get(client().pool("telling", 2));
        var resource = get(pool.acquire(AcquireOptions.builder().label("mine").build()));
        assertEquals("telling", resource.pool());
        assertEquals(0, resource.index());
        assertTrue(resource.token() > 0);
        assertEquals(Optional.of("mine"), resource.label());
        assertTrue(resource.isHeld());
        assertEquals(ResourceState.HELD, resource.state());
        assertTrue(resource.heldFor().toNanos() > 0);
        assertTrue(resource.toString().contains("slot 0 of pool 'telling'"));
    }

    @Test
    @DisplayName("release completes when the database has it; twice has the same outcome")
    void release() {
        var pool = get(client().pool("released", 1));
        var resource = get(pool.acquire());
        var lost = resource.lost();
        assertEquals(ResourceState.RELEASED, get(resource.release()));
        assertEquals(ResourceState.RELEASED, get(resource.release()));
        resource.close();
        assertEquals(ResourceState.RELEASED, resource.state());
        assertEquals(0, get(pool.status()).held());
        assertFalse(lost.isDone());
    }

    @Test
    @DisplayName("cancelling a release does not undo it")
    void cancelledRelease() {
        var pool = get(client().pool("undone", 1));
        get(pool.acquire()).release().cancel(true);
        get(pool.acquire()).close();
    }

    @Test
    @DisplayName("lost completes with why, also for one who asks later")
    void lost() {
        var numpool = client();
        var resource = get(get(numpool.pool("lost", 1)).acquire());
        var lost = resource.lost();
        get(numpool.deletePool("lost", false));
        assertEquals(resource.token(), get(lost).getToken());
        assertEquals("the pool was deleted", get(resource.lost()).getReason());
        assertEquals(ResourceState.LOST, resource.state());
        assertEquals(ResourceState.LOST, get(resource.release()));
        assertFalse(resource.isHeld());
    }

    @Test
    @DisplayName("try-with-resources gives back")
    void closes() {
        var pool = get(client().pool("closed", 1));
        for (int i = 0; i < 10; i++) {
            try (var resource = get(pool.acquire())) {
                assertTrue(resource.isHeld());
            }
        }
        assertTrue(get(pool.tryAcquire()).isPresent());
    }
}
