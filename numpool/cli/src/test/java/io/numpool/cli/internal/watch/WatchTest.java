package io.numpool.cli.internal.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.Holder;
import io.numpool.Participant;
import io.numpool.PoolStatus;
import io.numpool.ResourcePoolAsync;
import io.numpool.StoreUnavailableException;
import io.numpool.Waiter;
import io.numpool.cli.internal.output.Format;
import io.numpool.cli.internal.output.Printer;
import io.numpool.cli.internal.output.Style;
import io.numpool.cli.internal.run.Interruptions;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WatchTest {
    private static final Instant SINCE = Instant.parse("2026-01-02T03:04:05.678Z");
    private static final Participant WHO = new Participant(7, "billing", "host1", 4711);
    private static final PoolStatus IDLE = new PoolStatus("gpu", 2, List.of(), List.of());
    private static final PoolStatus BUSY = new PoolStatus(
            "gpu",
            2,
            List.of(new Holder(0, 1001, "nightly\nrun", SINCE, WHO), new Holder(1, 1002, null, SINCE, WHO)),
            List.of(new Waiter(1003, 1, null, SINCE, WHO), new Waiter(1004, 2, "two", SINCE, WHO)));

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final PrintStream stream = new PrintStream(out, false, StandardCharsets.UTF_8);

    private String printed() {
        stream.flush();
        return out.toString(StandardCharsets.UTF_8);
    }

    /** One whose answers are those, in turn. */
    private static ResourcePoolAsync answering(Deque<Supplier<CompletableFuture<PoolStatus>>> answers) {
        return (ResourcePoolAsync) Proxy.newProxyInstance(
                WatchTest.class.getClassLoader(), new Class<?>[] {ResourcePoolAsync.class}, (self, method, args) -> {
                    if (!method.getName().equals("status")) {
                        throw new UnsupportedOperationException(method.getName());
                    }
                    return answers.remove().get();
                });
    }

    private static void run(ResourcePoolAsync pool, WatchView view) {
        try (var interruptions = new Interruptions()) {
            var watch = new Watch(pool, Duration.ofMillis(1), view, interruptions);
            assertTimeoutPreemptively(Duration.ofSeconds(60), watch::run);
        }
    }

    @Test
    void aDatabaseThatGoesAwayIsWaitedForAndSaidToBeSilent() {
        var seen = new ArrayList<String>();
        var late = new CompletableFuture<PoolStatus>();
        var view = new WatchView() {
            @Override
            public boolean look(PoolStatus pool) {
                seen.add(pool.held() + " held");
                return seen.size() < 5;
            }

            @Override
            public void silence(Duration time) {
                seen.add("silence");
                late.complete(BUSY);
            }

            @Override
            public void close() {}
        };
        var answers = new ArrayDeque<Supplier<CompletableFuture<PoolStatus>>>(List.of(
                () -> CompletableFuture.completedFuture(IDLE),
                () -> CompletableFuture.failedFuture(new StoreUnavailableException("away", "host", null)),
                () -> late,
                () -> CompletableFuture.completedFuture(IDLE),
                () -> CompletableFuture.completedFuture(BUSY)));
        run(answering(answers), view);
        assertEquals(List.of("0 held", "silence", "2 held", "0 held", "2 held"), seen);
    }

    @Test
    void whatIsAskedTooLongIsSaidToBeSilent() {
        var seen = new ArrayList<String>();
        var late = new CompletableFuture<PoolStatus>();
        var view = new WatchView() {
            @Override
            public boolean look(PoolStatus pool) {
                seen.add("look");
                return false;
            }

            @Override
            public void silence(Duration time) {
                seen.add("silence");
                late.complete(BUSY);
            }

            @Override
            public void close() {}
        };
        var answers = new ArrayDeque<Supplier<CompletableFuture<PoolStatus>>>(List.of(() -> late));
        run(answering(answers), view);
        assertEquals("silence", seen.get(0));
        assertEquals("look", seen.get(seen.size() - 1));
    }

    @Test
    void anyOtherFailureEndsIt() {
        var answers = new ArrayDeque<Supplier<CompletableFuture<PoolStatus>>>(
                List.of(() -> CompletableFuture.failedFuture(new IllegalStateException("no more"))));
        try (var interruptions = new Interruptions();
                var view = new ChangeLines(new Printer(stream, Format.text, Style.PLAIN))) {
            var watch = new Watch(answering(answers), Duration.ofMillis(1), view, interruptions);
            assertThrows(IllegalStateException.class, watch::run);
        }
        assertEquals("", printed());
    }

    @Test
    void inAPipeALineForEachChange() {
        var lines = new ChangeLines(new Printer(stream, Format.text, Style.PLAIN));
        for (var status : List.of(IDLE, IDLE, BUSY, BUSY, IDLE)) {
            assertTrue(lines.look(status));
        }
        assertEquals(
                List.of(
                        "T  gpu  0 of 2 held, 0 waiting",
                        "T  gpu  2 of 2 held, 2 waiting; slots: 0 nightly\\nrun, 1 host1/4711; queue: host1/4711, two (2 slots)",
                        "T  gpu  0 of 2 held, 0 waiting"),
                printed()
                        .replaceAll("\\d\\d:\\d\\d:\\d\\d\\.\\d{3}", "T")
                        .lines()
                        .toList());
    }

    @Test
    void ofManySlotsTheFirstTen() {
        var many = IntStream.range(0, 11)
                .mapToObj(i -> new Holder(i, i, "x", SINCE, WHO))
                .toList();
        new ChangeLines(new Printer(stream, Format.text, Style.PLAIN)).look(new PoolStatus("gpu", 11, many, List.of()));
        assertTrue(printed().endsWith("8 x, 9 x, …\n"), this::printed);
    }

    @Test
    void whoReadsNoMoreIsNoticed() {
        var closed = new PrintStream(out, false, StandardCharsets.UTF_8);
        closed.close();
        assertEquals(false, new ChangeLines(new Printer(closed, Format.json, Style.PLAIN)).look(IDLE));
    }

    @Test
    void aTerminalIsDrawnAnewAndLeftAsItWasWithTheLastLookBelow() {
        var screen = new LiveScreen(stream, Style.PLAIN, () -> 24);
        screen.look(IDLE);
        screen.look(BUSY);
        screen.close();
        var all = printed();
        assertTrue(all.startsWith("\u001b[?1049h"), all);
        assertEquals(2, all.split("\u001b\\[H", -1).length - 1, all);
        var left = all.substring(all.indexOf("\u001b[?1049l") + 8);
        assertTrue(left.startsWith("gpu: 2 of 2 held, 2 waiting\n"), left);
    }

    @Test
    void onATerminalThatIsTooSmallTheTopIsSeen() {
        var screen = new LiveScreen(stream, Style.PLAIN, () -> 6);
        screen.look(BUSY);
        var drawn = printed();
        assertEquals(5, drawn.chars().filter(c -> c == '\n').count(), drawn);
        assertTrue(drawn.contains("gpu: 2 of 2 held, 2 waiting"), drawn);
        assertTrue(drawn.contains("… and 6 lines more"), drawn);
    }

    @Test
    void silenceIsSeenBelowWhatWasThereBefore() {
        var screen = new LiveScreen(stream, Style.PLAIN, () -> 24);
        screen.look(BUSY);
        out.reset();
        screen.silence(Duration.ofSeconds(12));
        assertTrue(printed().contains("gpu: 2 of 2 held"), this::printed);
        assertTrue(printed().contains("no answer from the database for 12 s"), this::printed);
    }
}
