package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class HistoryTest {
    @TempDir
    private Path folder;

    @Test
    void any_text_survives_the_way_through_a_file() {
        var odd = "a pool\n with\t\"everything\" – 100 % +";
        try (var history = History.writingTo(folder.resolve("one"), "process one")) {
            history.asked(odd, "r 1");
            history.granted(odd, "r 1", 3, Long.MAX_VALUE);
            history.ended(odd, 3, Long.MAX_VALUE);

            assertEquals(history.events(), History.read(List.of(folder.resolve("one"))));
        }
    }

    @Test
    void a_line_cut_off_by_death_is_left_out() throws Exception {
        var file = folder.resolve("one");
        try (var history = History.writingTo(file, "one")) {
            history.asked("p", "1");
        }
        Files.writeString(file, "GRANTED 12", StandardOpenOption.APPEND);

        assertEquals(1, History.read(List.of(file)).size());
    }

    @Test
    void histories_of_several_clients_merge_in_order_of_time() {
        var one = History.inMemory("one");
        var two = History.inMemory("two");
        one.asked("p", "1");
        two.asked("p", "2");
        one.left("p", "1");

        var merged = History.merge(List.of(one, two));

        assertEquals(
                List.of("one", "two", "one"),
                merged.stream().map(Event::process).toList());
    }

    @Test
    void what_a_killed_process_wrote_is_there_and_on_the_same_clock() {
        var file = folder.resolve("child");
        var mine = History.inMemory("parent");
        mine.asked("p", "before");
        try (var child = ChildJvm.start(Recorder.class, file.toString())) {
            child.expect("recorded");
            mine.killed("child");
            child.kill();
        }
        var all = new ArrayList<>(mine.events());
        all.addAll(History.read(List.of(file)));

        all.sort(Comparator.comparingLong(Event::nanos));
        assertEquals(
                List.of(Event.Kind.ASKED, Event.Kind.GRANTED, Event.Kind.KILLED),
                all.stream().map(Event::kind).toList());
        HistoryChecker.of(all).check().assertClean();
    }

    @Test
    void a_child_can_be_frozen_and_thawed() {
        try (var child = ChildJvm.start(Echo.class)) {
            child.send("one");
            child.expect("one");
            child.freeze();
            assertTrue(child.isAlive());
            child.send("two");
            child.thaw();
            child.expect("two");
        }
    }

    @Test
    void a_child_that_does_not_speak_up_tells_what_it_said() {
        try (var child = ChildJvm.start(Echo.class)) {
            child.send("something else");
            child.expect("something");
            var failure = assertThrows(
                    AssertionError.class, () -> child.lines().next("more", Duration.ofMillis(1), line -> true));
            assertTrue(failure.getMessage().contains("Echo"), failure.getMessage());
            assertEquals("something else", child.output());
        }
    }

    static final class Recorder {
        private Recorder() {}

        public static void main(String[] args) throws Exception {
            var history = History.writingTo(Path.of(args[0]), "child");
            history.granted("p", "r", 0, 1);
            System.out.println("recorded");
            System.in.read();
        }
    }

    static final class Echo {
        private Echo() {}

        public static void main(String[] args) throws Exception {
            System.in.transferTo(System.out);
        }
    }

    @Test
    void moments_are_those_of_the_looks_however_long_the_notes_take() {
        var one = History.inMemory("one");
        var two = History.inMemory("two");
        one.asked("p", "1");
        var seen = System.nanoTime();
        var seenLast = System.nanoTime();
        two.asked("p", "2");
        two.granted("p", "2", 0, 2);
        // frozen between its looks and its notes
        one.granted("p", "1", 0, 1, seen);
        one.ended("p", 0, 1, seenLast);
        two.ended("p", 0, 2);

        var verdict = HistoryChecker.of(History.merge(List.of(one, two))).check();

        assertEquals(2, verdict.assertClean().grants());
    }
}
