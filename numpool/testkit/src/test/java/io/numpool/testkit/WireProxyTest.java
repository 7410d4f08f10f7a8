package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.jdbc.PreferQueryMode;

/** Every fault against PostgreSQL, by pgjdbc. */
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WireProxyTest {
    private static final String INSERT = "INSERT INTO t VALUES (1)";
    private static final int ROUNDS = 20;

    private TestDatabase database;
    private WireProxy proxy;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void open() throws SQLException {
        database = TestPostgres.shared().emptyDatabase();
        database.execute("CREATE TABLE t (x int)");
        proxy = WireProxy.inFrontOf(database);
    }

    @AfterEach
    void close() throws InterruptedException {
        proxy.close();
        database.close();
        threads.shutdown();
        assertTrue(threads.awaitTermination(30, TimeUnit.SECONDS), "a statement hangs");
    }

    // --- no fault

    @Test
    void without_a_fault_everything_passes() throws Exception {
        try (var connection = connect();
                var listener = connect()) {
            execute(listener, "LISTEN news");
            assertEquals("1000000", query(connection, "SELECT length(repeat('x', 1000000))"));
            assertEquals(
                    "1000000",
                    query(connection, "SELECT length('" + "x".repeat(1_000_000) + "')"),
                    "in one long message");
            assertEquals("5000", query(connection, "SELECT count(*) FROM generate_series(1, 5000)"));
            try (var prepared = connection.prepareStatement("SELECT ? + 1")) {
                for (var i = 0; i < 10; i++) {
                    prepared.setInt(1, i);
                    try (var rows = prepared.executeQuery()) {
                        assertTrue(rows.next());
                        assertEquals(i + 1, rows.getInt(1));
                    }
                }
            }
            execute(connection, "NOTIFY news, 'hello'");
            var heard = listener.unwrap(PGConnection.class).getNotifications(30_000);
            assertEquals("hello", heard[0].getParameter());
        }
        Await.until("the server to be left", () -> backends() == 0);
    }

    @Test
    void a_statement_is_cancelled_through_it() throws Exception {
        try (var connection = connect();
                var statement = connection.createStatement()) {
            var slow = threads.submit(() -> statement.execute("SELECT pg_sleep(60)"));
            Await.until(
                    "it runs",
                    () -> database.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' "
                                    + "AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()")
                            != null);
            statement.cancel();
            assertEquals("57014", sqlState(slow));
        }
    }

    @Test
    void a_wrong_password_is_refused_by_the_server_itself() {
        var source = proxy.dataSource(database);
        source.setPassword("wrong");
        assertEquals(
                "28P01", assertThrows(SQLException.class, source::getConnection).getSQLState());
    }

    @Test
    void the_url_has_all_that_is_needed_to_get_in() throws SQLException {
        try (var connection = DriverManager.getConnection(proxy.url(database))) {
            assertEquals(database.name(), query(connection, "SELECT current_database()"));
        }
    }

    @Test
    void many_connections_work_at_once() throws Exception {
        var connections = new ArrayList<Connection>();
        try {
            for (var i = 0; i < 150; i++) {
                connections.add(connect());
            }
            assertEquals(150, proxy.connections());
            var answers = connections.stream()
                    .map(connection -> threads.submit(() -> {
                        for (var i = 0; i < 20; i++) {
                            query(connection, "SELECT " + i);
                        }
                        return query(connection, "SELECT pg_backend_pid()");
                    }))
                    .toList();
            var pids = new HashSet<String>();
            for (var answer : answers) {
                pids.add(answer.get());
            }
            assertEquals(150, pids.size());
        } finally {
            for (var connection : connections) {
                connection.close();
            }
        }
        Await.until("all are gone", () -> proxy.connections() == 0 && backends() == 0);
    }

    // --- faults that last

    @ParameterizedTest
    @EnumSource
    void what_is_delayed_comes_later(WireDirection direction) throws Exception {
        try (var connection = connect()) {
            proxy.delay(direction, Duration.ofMillis(1_000));
            assertTrue(millisOf(connection) >= 1_000);
            proxy.delay(direction, Duration.ZERO);
            assertTrue(millisOf(connection) < 1_000);
        }
    }

    @Test
    void a_delay_holds_up_a_long_answer_once() throws Exception {
        try (var connection = connect()) {
            proxy.delay(WireDirection.TO_CLIENT, Duration.ofMillis(200));
            var begun = System.nanoTime();
            query(connection, "SELECT repeat('x', 100) FROM generate_series(1, 50000)");
            assertTrue(
                    System.nanoTime() - begun < 8_000_000_000L,
                    "5 MB in pieces of 64 KiB, each for itself, would take longer");
        }
    }

    @Test
    void what_is_swallowed_is_not_delivered_and_nobody_is_told() throws Exception {
        try (var connection = connect()) {
            proxy.swallow();
            var insert = executeLater(connection, INSERT);
            awaitTaken();
            var second = threads.submit(() -> connect());
            Await.until("both to be connected", () -> proxy.connections() == 2);
            assertEquals(1, backends());
            assertEquals(0, rows());

            proxy.resume();
            insert.get();
            assertEquals(1, rows());
            second.get().close();
        }
    }

    @Test
    void a_call_whose_answer_alone_is_swallowed_is_executed() throws Exception {
        try (var connection = connect()) {
            proxy.swallow(WireDirection.TO_CLIENT);
            var insert = executeLater(connection, INSERT);
            Await.until("it is executed", () -> rows() == 1);
            assertFalse(insert.isDone());
            proxy.resume();
            insert.get();
        }
    }

    @Test
    void a_call_that_is_swallowed_is_not_executed_though_answers_pass() throws Exception {
        try (var connection = connect();
                var listener = connect()) {
            execute(listener, "LISTEN news");
            proxy.swallow(WireDirection.TO_SERVER);
            var insert = executeLater(connection, INSERT);
            awaitTaken();
            database.execute("NOTIFY news");
            assertEquals(1, listener.unwrap(PGConnection.class).getNotifications(30_000).length);
            assertEquals(0, rows());
            proxy.resume();
            insert.get();
        }
    }

    @Test
    void a_client_that_gives_up_in_a_black_hole_is_still_there_for_the_server_and_its_call_arrives_late()
            throws Exception {
        var connection = connect();
        proxy.swallow();
        assertEquals(0, proxy.undelivered(WireDirection.TO_SERVER));
        var insert = executeLater(connection, INSERT);
        awaitTaken();
        connection.abort(Runnable::run);
        assertEquals("08006", sqlState(insert));
        assertEquals(1, backends());
        assertEquals(0, rows());

        proxy.resume();
        Await.until("it is executed", () -> rows() == 1);
        Await.until("the server to be left", () -> backends() == 0);
    }

    @Test
    void forgotten_connections_never_pass_anything_again_but_new_ones_do() throws Exception {
        var old = connect();
        proxy.forget();
        try (var connection = connect()) {
            proxy.resume();
            var insert = executeLater(old, INSERT);
            awaitTaken();
            execute(connection, "INSERT INTO t VALUES (2), (3)");
            assertEquals(2, rows());
            assertFalse(insert.isDone());
            old.abort(Runnable::run);
            assertEquals("08006", sqlState(insert));
        }
        Await.until("the new one to be gone, and the old one to be left", () -> backends() == 1);
        assertEquals(2, rows());
    }

    @Test
    void new_connections_are_refused_and_old_ones_stay() throws SQLException {
        try (var connection = connect()) {
            proxy.refuse();
            var refused = assertThrows(SQLException.class, this::connect);
            assertTrue(refused.getSQLState().startsWith("08"), refused.getSQLState());
            query(connection, "SELECT 1");
            proxy.resume();
            connect().close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void what_trickles_arrives_whole(WireDirection direction) throws SQLException {
        try (var connection = connect()) {
            proxy.trickle(direction);
            assertEquals("y".repeat(3_000), query(connection, "SELECT '" + "y".repeat(3_000) + "'"));
        }
    }

    // --- faults of a moment

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_broken_connection_is_gone_on_both_sides(boolean reset) throws SQLException {
        var one = connect();
        var other = connect();
        if (reset) {
            proxy.reset();
        } else {
            proxy.cut();
        }
        assertEquals(0, proxy.connections());
        assertEquals(
                "08006",
                assertThrows(SQLException.class, () -> query(one, "SELECT 1")).getSQLState());
        assertEquals(
                "08006",
                assertThrows(SQLException.class, () -> query(other, "SELECT 1")).getSQLState());
        Await.until("the server to be left", () -> backends() == 0);
        try (var next = connect()) {
            query(next, "SELECT 1");
        }
    }

    // --- faults that wait for a statement

    @Test
    void a_statement_before_which_it_is_cut_is_never_executed() throws Exception {
        try (var connection = connect()) {
            var cut = proxy.cutBefore("insert into t");
            query(connection, "SELECT 1");
            assertFalse(cut.isDone());

            assertEquals(
                    "08006",
                    assertThrows(SQLException.class, () -> execute(connection, INSERT))
                            .getSQLState());
            cut.get(30, TimeUnit.SECONDS);
            Await.until("the server to be left", () -> backends() == 0);
            assertEquals(0, rows());
        }
    }

    @Test
    void a_transaction_before_whose_commit_it_is_cut_is_rolled_back() throws Exception {
        try (var connection = connect()) {
            connection.setAutoCommit(false);
            execute(connection, INSERT);
            var cut = proxy.cutBefore("COMMIT");
            assertThrows(SQLException.class, connection::commit);
            cut.get(30, TimeUnit.SECONDS);
            Await.until("the server to be left", () -> backends() == 0);
            assertEquals(0, rows());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"simple", "extended"})
    void a_statement_after_which_it_is_cut_is_executed_and_its_answer_lost(String mode) throws Exception {
        var source = proxy.dataSource(database);
        source.setPreferQueryMode(PreferQueryMode.of(mode));
        try (var connection = source.getConnection()) {
            var cut = proxy.cutAfter(INSERT);
            assertEquals(
                    "08006",
                    assertThrows(SQLException.class, () -> execute(connection, INSERT))
                            .getSQLState());
            assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
        }
        Await.until("the server to be left", () -> backends() == 0);
    }

    @Test
    void a_transaction_after_whose_commit_it_is_cut_is_committed() throws Exception {
        try (var connection = connect()) {
            connection.setAutoCommit(false);
            execute(connection, INSERT);
            var cut = proxy.cutAfter("COMMIT");
            assertThrows(SQLException.class, connection::commit);
            assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
        }
    }

    @Test
    void a_slow_statement_is_executed_to_its_end_though_the_client_is_cut_off_at_once() throws Exception {
        try (var connection = connect()) {
            execute(connection, "SET client_connection_check_interval = 20");
            var cut = proxy.cutAfter("pg_sleep");
            assertThrows(
                    SQLException.class,
                    () -> execute(connection, "INSERT INTO t SELECT 1 FROM pg_sleep(0.3), repeat('x', 100000)"));
            assertFalse(cut.isDone());
            assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
        }
    }

    @Test
    void a_statement_that_the_server_prepared_long_ago_is_known_by_its_text() throws Exception {
        try (var connection = connect();
                var prepared = connection.prepareStatement("INSERT INTO t VALUES (?)")) {
            for (var i = 0; i < 10; i++) {
                prepared.setInt(1, i);
                prepared.execute();
            }
            var cut = proxy.cutAfter("INSERT INTO t");
            assertThrows(SQLException.class, prepared::execute);
            assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
            assertEquals(11, rows());
        }
    }

    @Test
    void what_the_server_refused_is_told_by_its_sqlstate() throws Exception {
        try (var connection = connect()) {
            var cut = proxy.cutAfter("1 / 0");
            assertThrows(SQLException.class, () -> query(connection, "SELECT 1 / 0"));
            assertEquals(Optional.of("22012"), cut.get(30, TimeUnit.SECONDS));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 100})
    void a_statement_in_whose_answer_it_is_cut_is_executed_and_fails_for_the_client(int messages) throws Exception {
        try (var connection = connect()) {
            var cut = proxy.cutInAnswer("RETURNING", messages);
            assertEquals(
                    "08006",
                    assertThrows(SQLException.class, () -> query(connection, INSERT + " RETURNING x"))
                            .getSQLState());
            assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
        }
    }

    @Test
    void a_statement_that_is_held_is_executed_when_the_test_says_and_not_before() throws Exception {
        try (var connection = connect()) {
            var late = proxy.hold(INSERT);
            assertThrows(IllegalStateException.class, late::deliver);

            assertEquals(
                    "08006",
                    assertThrows(SQLException.class, () -> execute(connection, INSERT))
                            .getSQLState());
            late.held().get(30, TimeUnit.SECONDS);
            assertEquals(0, rows());
            assertEquals(1, backends());
            assertEquals(0, proxy.connections());

            assertEquals(Optional.empty(), late.deliver().get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
            assertEquals(Optional.empty(), late.deliver().get(30, TimeUnit.SECONDS));
            assertEquals(1, rows());
            Await.until("the server to be left", () -> backends() == 0);
        }
    }

    @Test
    void a_held_statement_that_the_server_refuses_by_then_says_so() throws Exception {
        try (var connection = connect()) {
            var late = proxy.hold(INSERT);
            assertThrows(SQLException.class, () -> execute(connection, INSERT));
            database.execute("DROP TABLE t");
            assertEquals(Optional.of("42P01"), late.deliver().get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void a_held_statement_whose_server_is_gone_fails() throws Exception {
        try (var connection = connect()) {
            var late = proxy.hold(INSERT);
            assertThrows(SQLException.class, () -> execute(connection, INSERT));
            terminateAll();
            Await.until("the server to be left", () -> backends() == 0);
            var failed =
                    assertThrows(ExecutionException.class, () -> late.deliver().get(30, TimeUnit.SECONDS));
            assertEquals(IOException.class, failed.getCause().getClass());
        }
    }

    @Test
    void a_held_statement_whose_connection_is_cut_fails_whether_the_server_has_gone_by_then_or_not() throws Exception {
        for (var i = 0; i < ROUNDS; i++) {
            try (var connection = connect()) {
                var late = proxy.hold(INSERT);
                assertThrows(SQLException.class, () -> execute(connection, INSERT));
                late.held().get(30, TimeUnit.SECONDS);
                proxy.cut();
                var failed = assertThrows(
                        ExecutionException.class, () -> late.deliver().get(30, TimeUnit.SECONDS));
                assertEquals(IOException.class, failed.getCause().getClass());
            }
        }
        assertEquals(0, rows());
    }

    @Test
    void a_server_that_closes_instead_of_answering_is_told() throws Exception {
        try (var connection = connect()) {
            var cut = proxy.cutAfter("pg_terminate_backend");
            assertThrows(SQLException.class, () -> query(connection, "SELECT pg_terminate_backend(pg_backend_pid())"));
            var failed = assertThrows(ExecutionException.class, () -> cut.get(30, TimeUnit.SECONDS));
            assertEquals(
                    "the server closed the connection after 57P01",
                    failed.getCause().getMessage());
        }
    }

    @Test
    void two_rules_for_one_statement_befall_one_each() throws Exception {
        var first = proxy.cutBefore(INSERT);
        var second = proxy.cutAfter(INSERT);
        try (var one = connect();
                var other = connect()) {
            assertThrows(SQLException.class, () -> execute(one, INSERT));
            first.get(30, TimeUnit.SECONDS);
            assertEquals(0, rows());
            assertThrows(SQLException.class, () -> execute(other, INSERT));
            second.get(30, TimeUnit.SECONDS);
            assertEquals(1, rows());
        }
        try (var third = connect()) {
            execute(third, INSERT);
        }
    }

    @Test
    void a_rule_that_is_cancelled_does_nothing() throws Exception {
        try (var connection = connect()) {
            proxy.cutBefore(INSERT).cancel(false);
            proxy.cutAfter(INSERT).cancel(false);
            proxy.cutInAnswer(INSERT, 1).cancel(false);
            proxy.hold(INSERT).held().cancel(false);
            execute(connection, INSERT);
        }
    }

    @Test
    void what_hangs_on_a_rule_happens_before_another_byte_passes() throws Exception {
        try (var connection = connect()) {
            proxy.cutBefore("SELECT 1").thenRun(proxy::refuse);
            assertThrows(SQLException.class, () -> query(connection, "SELECT 1"));
            assertThrows(SQLException.class, this::connect);
        }
    }

    // --- the end

    @Test
    void closing_leaves_neither_thread_nor_connection_and_cancels_what_waits() throws Exception {
        var connection = connect();
        var cut = proxy.cutBefore("never said");
        var answer = proxy.cutAfter("never said");
        var late = proxy.hold("never said");
        var held = proxy.hold(INSERT);
        assertThrows(SQLException.class, () -> execute(connection, INSERT));
        proxy.swallow();
        var lingering = threads.submit(() -> connect());
        Await.until("it is connected", () -> proxy.connections() == 1);
        var name = "wire proxy " + proxy.port();
        assertTrue(threadNames().contains(name));

        proxy.close();
        proxy.close();

        assertFalse(threadNames().contains(name));
        assertTrue(sqlState(lingering).startsWith("08"));
        for (var future : new CompletableFuture<?>[] {cut, answer, late.held()}) {
            assertThrows(CancellationException.class, future::join);
        }
        assertThrows(IllegalStateException.class, held::deliver);
        assertThrows(IllegalStateException.class, proxy::swallow);
        assertThrows(SQLException.class, this::connect);
        Await.until("the server to be left", () -> backends() == 0);
    }

    @Test
    void closing_while_a_held_statement_is_on_its_way_ends_its_future() throws Exception {
        try (var connection = connect()) {
            var late = proxy.hold(INSERT);
            assertThrows(SQLException.class, () -> execute(connection, INSERT));
            proxy.swallow();
            var answer = late.deliver();
            proxy.close();
            assertThrows(CancellationException.class, answer::join);
        }
    }

    @Test
    void what_makes_no_sense_is_refused_by_name() {
        assertRefused("serverPort is 0, must be 1 to 65535", () -> WireProxy.inFrontOf("localhost", 0));
        assertRefused(
                "host is 'no such host', must be the name or address of one that is known",
                () -> WireProxy.inFrontOf("no such host", 1));
        assertRefused(
                "latency is PT-1S, must not be negative",
                () -> proxy.delay(WireDirection.TO_CLIENT, Duration.ofSeconds(-1)));
        assertRefused("messages is 0, must be at least 1", () -> proxy.cutInAnswer("x", 0));
        assertRefused("statement is ' ', must be a part of one", () -> proxy.cutBefore(" "));
    }

    private static void assertRefused(String message, Executable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
    }

    private Connection connect() throws SQLException {
        return proxy.dataSource(database).getConnection();
    }

    private static String query(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private Future<?> executeLater(Connection connection, String sql) throws SQLException {
        Statement statement = connection.createStatement();
        return threads.submit(() -> statement.execute(sql));
    }

    private void awaitTaken() {
        Await.until("the call to be on its way", () -> proxy.undelivered(WireDirection.TO_SERVER) > 0);
    }

    private static String sqlState(Future<?> failing) {
        var failed = assertThrows(ExecutionException.class, () -> failing.get(30, TimeUnit.SECONDS));
        return ((SQLException) failed.getCause()).getSQLState();
    }

    private static long millisOf(Connection connection) throws SQLException {
        var begun = System.nanoTime();
        query(connection, "SELECT 1");
        return (System.nanoTime() - begun) / 1_000_000;
    }

    private int rows() throws SQLException {
        return Integer.parseInt(database.query("SELECT count(*) FROM t"));
    }

    /** Of the server, for clients of the proxy. */
    private int backends() throws SQLException {
        return Integer.parseInt(
                database.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                        + "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"));
    }

    private void terminateAll() throws SQLException {
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                + "AND pid <> pg_backend_pid()");
    }

    private static Set<String> threadNames() {
        return Thread.getAllStackTraces().keySet().stream().map(Thread::getName).collect(Collectors.toSet());
    }
}
