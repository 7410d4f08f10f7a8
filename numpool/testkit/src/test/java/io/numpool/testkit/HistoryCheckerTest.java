package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.testkit.Violation.Rule;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;

/** Times are in milliseconds; requests have the name of their ticket. */
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class HistoryCheckerTest {
    private final List<Event> events = new ArrayList<>();

    @Test
    void one_after_the_other_is_clean() {
        asked(0, 1)
                .granted(1, 1, 0)
                .asked(2, 2)
                .queued(3, 2)
                .ended(10, 1, 0)
                .granted(11, 2, 0)
                .ended(20, 2, 0);

        var verdict = check().assertClean();

        assertEquals(2, verdict.grants());
        assertEquals(1, verdict.waited());
        assertEquals(Duration.ofMillis(9), verdict.longestWait());
    }

    @Test
    void two_holders_of_one_slot_are_a_double_grant() {
        granted(1, 1, 0).granted(5, 2, 0).ended(6, 1, 0).ended(7, 2, 0);

        assertOnly(Rule.DOUBLE_GRANT);
    }

    @Test
    void a_holder_that_never_ended_holds_on() {
        granted(1, 1, 0).granted(500, 2, 0);

        assertOnly(Rule.DOUBLE_GRANT);
    }

    @Test
    void a_long_hold_counts_though_a_short_one_came_between() {
        granted(1, 1, 0)
                .granted(2, 2, 0)
                .ended(3, 2, 0)
                .granted(4, 3, 0)
                .ended(5, 3, 0)
                .ended(9, 1, 0);

        assertEquals(2, check().count(Rule.DOUBLE_GRANT));
    }

    @Test
    void two_slots_for_one_ticket_are_a_double_grant() {
        granted(1, 1, 0).granted(2, 1, 1).ended(3, 1, 0).ended(3, 1, 1);

        assertOnly(Rule.DOUBLE_GRANT);
    }

    @Test
    void slots_of_different_pools_have_nothing_to_do_with_each_other() {
        granted(1, 1, 0);
        add(Event.Kind.GRANTED, 2, "a", "other", "1", 1, 0);

        check().assertClean();
    }

    @Test
    void a_killed_process_holds_until_it_is_killed() {
        granted(1, 1, 0);
        add(Event.Kind.KILLED, 10, "a", "", "", 0, -1);
        granted(2000, 2, 0);

        check().assertClean();
    }

    @Test
    void a_grant_on_before_the_kill_is_a_double_grant() {
        granted(1, 1, 0).granted(9, 2, 0).ended(12, 2, 0);
        add(Event.Kind.KILLED, 10, "a", "", "", 0, -1);

        assertOnly(Rule.DOUBLE_GRANT);
    }

    @Test
    void a_frozen_holder_that_finds_its_slot_lost_held_it_until_it_was_frozen() {
        granted(1, 1, 0);
        add(Event.Kind.FROZEN, 10, "a", "", "", 0, -1);
        granted(2000, 2, 0).lost(3000, 1, 0);

        assertEquals(0, check().count(Rule.DOUBLE_GRANT));
    }

    @Test
    void a_frozen_holder_that_goes_on_as_if_nothing_had_been_is_a_double_grant() {
        granted(1, 1, 0);
        add(Event.Kind.FROZEN, 10, "a", "", "", 0, -1);
        granted(2000, 2, 0).ended(2100, 2, 0).ended(3000, 1, 0);

        assertOnly(Rule.DOUBLE_GRANT);
    }

    @Test
    void a_lower_token_than_before_is_out_of_order() {
        granted(1, 2, 0).ended(2, 2, 0).granted(3, 1, 0).ended(4, 1, 0);

        assertEquals(1, check().count(Rule.TOKEN_ORDER));
    }

    @Test
    void a_later_ticket_that_is_served_first_is_an_overtake() {
        granted(1, 1, 0).granted(1, 2, 1).queued(2, 3).queued(3, 4);
        ended(5, 2, 1).granted(6, 4, 1).ended(10, 1, 0).granted(11, 3, 0);

        assertOnly(Rule.OVERTAKE);
    }

    @Test
    void a_slot_that_a_process_had_itself_does_not_show_the_order_where_slots_are_handed_over() {
        granted(1, 1, 0).granted(1, 2, 1).queued(2, 3).queued(3, 4);
        ended(5, 2, 1).granted(6, 4, 1).ended(10, 1, 0).granted(11, 3, 0);

        assertEquals(0, HistoryChecker.of(events).handOver().check().count(Rule.OVERTAKE));
    }

    @Test
    void a_slot_that_another_process_had_shows_the_order_also_where_slots_are_handed_over() {
        granted(1, 1, 1).granted(1, 2, 0).queued(2, 3).queued(3, 4);
        ended(5, 1, 1).granted(6, 4, 1).ended(10, 2, 0).granted(11, 3, 0);

        assertEquals(1, HistoryChecker.of(events).handOver().check().count(Rule.OVERTAKE));
    }

    @Test
    void a_grant_that_is_seen_late_is_no_overtake() {
        granted(1, 1, 0).granted(1, 2, 1).queued(2, 3).queued(3, 4);
        ended(5, 2, 1).ended(5, 1, 0).granted(6, 4, 1).granted(900, 3, 0);

        assertEquals(0, check().count(Rule.OVERTAKE));
    }

    @Test
    void an_earlier_ticket_for_a_later_request_is_out_of_order() {
        asked(0, 9).queued(1, 9).asked(2, 8).queued(3, 8);

        assertOnly(Rule.TICKET_ORDER);
    }

    @Test
    void requests_at_the_same_time_may_have_tickets_in_any_order() {
        asked(0, 9).asked(1, 8).queued(2, 9).queued(3, 8);

        check().assertClean();
    }

    @Test
    void a_slot_that_stays_free_while_somebody_waits_is_idle() {
        granted(1, 1, 0).queued(2, 2).ended(10, 1, 0).granted(5000, 2, 0);

        assertOnly(Rule.IDLE_SLOT);
    }

    @Test
    void a_slot_that_nobody_ever_got_is_idle() {
        granted(1, 1, 0).queued(2, 2).ended(5000, 1, 0).granted(5001, 2, 0);

        assertEquals(1, HistoryChecker.of(events).capacity("p", 2).check().count(Rule.IDLE_SLOT));
        check().assertClean();
    }

    @Test
    void a_slot_above_the_capacity_may_stay_free() {
        granted(1, 1, 1).queued(2, 2).ended(10, 1, 1);
        granted(11, 3, 0).ended(5000, 3, 0);

        assertEquals(0, HistoryChecker.of(events).capacity("p", 1).check().count(Rule.IDLE_SLOT));
    }

    @Test
    void a_free_slot_without_anybody_who_waits_is_not_idle() {
        granted(1, 1, 0).ended(10, 1, 0).asked(8000, 2).granted(8001, 2, 0);

        check().assertClean();
    }

    @Test
    void a_waiter_who_left_does_not_make_a_slot_idle() {
        granted(1, 1, 0).queued(2, 2).ended(10, 1, 0);
        add(Event.Kind.LEFT, 20, "b", "p", "2", 0, -1);
        granted(9000, 3, 0);

        assertEquals(0, check().count(Rule.IDLE_SLOT));
    }

    @Test
    void after_a_kill_there_is_time_to_reclaim_but_not_for_ever() {
        granted(1, 1, 0);
        add(Event.Kind.KILLED, 10, "a", "", "", 0, -1);
        queued(20, 2).granted(5000, 2, 0);

        check().assertClean();
        assertEquals(
                1,
                HistoryChecker.of(events)
                        .reclaimBound(Duration.ofSeconds(4))
                        .check()
                        .count(Rule.IDLE_SLOT));
    }

    @Test
    void an_end_without_a_grant_is_malformed() {
        ended(1, 1, 0);

        assertOnly(Rule.MALFORMED);
    }

    @Test
    void a_verdict_with_violations_fails_a_test_and_names_them() {
        granted(1, 1, 0).granted(5, 2, 0);

        var failure = assertThrows(AssertionError.class, () -> check().assertClean());

        assertTrue(failure.getMessage().contains("DOUBLE_GRANT in pool p"), failure.getMessage());
    }

    private Verdict check() {
        return HistoryChecker.of(events).check();
    }

    private void assertOnly(Rule rule) {
        var found = check().violations();
        assertEquals(List.of(rule), found.stream().map(Violation::rule).toList(), found.toString());
    }

    // Odd tickets are of process a, even ones of process b.
    private HistoryCheckerTest asked(long millis, long ticket) {
        return add(Event.Kind.ASKED, millis, process(ticket), "p", "" + ticket, 0, -1);
    }

    private HistoryCheckerTest queued(long millis, long ticket) {
        return add(Event.Kind.QUEUED, millis, process(ticket), "p", "" + ticket, ticket, -1);
    }

    private HistoryCheckerTest granted(long millis, long ticket, int slot) {
        return add(Event.Kind.GRANTED, millis, process(ticket), "p", "" + ticket, ticket, slot);
    }

    private HistoryCheckerTest ended(long millis, long ticket, int slot) {
        return add(Event.Kind.ENDED, millis, process(ticket), "p", "", ticket, slot);
    }

    private HistoryCheckerTest lost(long millis, long ticket, int slot) {
        return add(Event.Kind.LOST, millis, process(ticket), "p", "", ticket, slot);
    }

    private HistoryCheckerTest add(
            Event.Kind kind, long millis, String process, String pool, String request, long ticket, int slot) {
        events.add(new Event(kind, Duration.ofMillis(millis).toNanos(), process, pool, request, ticket, slot));
        return this;
    }

    private static String process(long ticket) {
        return ticket % 2 == 1 ? "a" : "b";
    }
}
