package io.numpool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class NumpoolAsyncTest extends FacadeTest {
    @Test
    @DisplayName("a client opened on a DataSource says who it is, and leaves the DataSource open")
    void opens() {
        var dataSource = dataSource();
        try (var numpool = NumpoolAsync.open(dataSource)) {
            assertTrue(numpool.session() > 0);
            assertEquals(NumpoolMode.LISTENING, numpool.mode());
            assertTrue(numpool.name().endsWith("/" + ProcessHandle.current().pid()));
        }
        assertFalse(dataSource.isClosed());
    }

    @Test
    @DisplayName("a client opened with a URL")
    void opensByUrl() {
        try (var numpool = NumpoolAsync.open(database().urlWithPassword(), NumpoolOptions.defaults())) {
            assertEquals(0, get(get(numpool.pool("url", 1)).acquire()).index());
        }
        var options = NumpoolOptions.builder().name("by user").build();
        try (var numpool = NumpoolAsync.open(
                database().url(), database().user(), database().password(), options)) {
            assertEquals("by user", numpool.name());
        }
    }

    @Test
    @DisplayName("open throws what went wrong")
    void openThrows() {
        var options =
                NumpoolOptions.builder().openTimeout(Duration.ofSeconds(2)).build();
        assertThrows(
                StoreAccessDeniedException.class,
                () -> NumpoolAsync.open(database().url(), database().user(), "wrong", options));
        assertThrows(IllegalArgumentException.class, () -> NumpoolAsync.open("nonsense", options));
    }

    @Test
    @DisplayName("pools are made, found, listed and deleted")
    void pools() throws Exception {
        var numpool = client();
        assertEquals("java", get(numpool.pool("java", 2)).id());
        assertEquals(2, get(numpool.pool("java")).capacity());
        assertEquals(List.of(new PoolSummary("java", 2, 0, 0)), get(numpool.pools("ja")));
        var conflict = assertInstanceOf(PoolConflictException.class, failure(numpool.pool("java", 3)));
        assertEquals(2, conflict.getActual());
        get(numpool.deletePool("java", false));
        assertInstanceOf(PoolNotFoundException.class, failure(numpool.pool("java")));
        assertInstanceOf(PoolNotFoundException.class, failure(numpool.deletePool("java", true)));
    }

    @Test
    @DisplayName("what is damaged is found")
    void inspect() throws Exception {
        var numpool = client();
        get(numpool.pool("inspected", 1));
        assertEquals(List.of(), get(numpool.inspect()));
        database()
                .execute(
                        "UPDATE numpool.pool_state SET waiting = 1 WHERE pool = (SELECT number FROM numpool.pool WHERE id = 'inspected')");
        assertEquals(
                List.of("inspected"),
                get(numpool.inspect()).stream().map(Finding::pool).toList());
        get(numpool.deletePool("inspected", true));
        assertEquals(List.of(), get(numpool.inspect()));
    }

    @Test
    @DisplayName("by force a pool is deleted though a slot of it does not come back")
    void deleteByForce() throws Exception {
        var numpool = client();
        get(numpool.pool("forced", 1));
        var holder = database()
                .query(
                        "SELECT session_id FROM numpool.open_session(ROW('holder', 'host', 1)::numpool.process, 90000, 300, true, NULL)");
        var number = database().query("SELECT number FROM numpool.pool WHERE id = 'forced'");
        assertEquals(
                "1",
                database()
                        .query("SELECT held FROM numpool.exchange(" + holder + ", 0, " + number
                                + ", false, '{}', '{}', '{}', ARRAY[gen_random_uuid()], '{0}', '{x}')"));
        get(numpool.deletePool("forced", true));
        assertEquals(2, get(numpool.pool("forced", 2)).capacity());
    }

    @Test
    @DisplayName("wrong arguments fail the future with IllegalArgumentException")
    void wrongArguments() throws Exception {
        var numpool = client();
        assertInstanceOf(IllegalArgumentException.class, failure(numpool.pool("", 1)));
        assertInstanceOf(IllegalArgumentException.class, failure(numpool.pool("p", 8193)));
        var negative = assertThrows(
                IllegalArgumentException.class, () -> AcquireOptions.builder().timeout(Duration.ofMillis(-1)));
        assertEquals("timeout PT-0.001S: not negative", negative.getMessage());
    }

    @Test
    @DisplayName("the listener can be started by hand")
    void listen() {
        var numpool = client(NumpoolOptions.builder().startListening(false));
        assertEquals(NumpoolMode.POLL_ONLY, numpool.mode());
        assertEquals(Optional.empty(), numpool.modeReason());
        get(numpool.listen());
        assertEquals(NumpoolMode.LISTENING, numpool.mode());
    }

    @Test
    @DisplayName("close fails who waits, and gives back what is held; twice is fine")
    void close() throws Exception {
        var numpool = client();
        var pool = get(numpool.pool("closed", 1));
        var held = get(pool.acquire());
        var waiter = pool.acquire();
        numpool.close();
        numpool.close();
        assertInstanceOf(NumpoolClosedException.class, failure(waiter));
        assertFalse(held.isHeld());
        assertEquals(NumpoolMode.CLOSED, numpool.mode());
        assertInstanceOf(NumpoolClosedException.class, failure(numpool.pools("")));
        assertInstanceOf(NumpoolClosedException.class, failure(pool.acquire()));
    }
}
