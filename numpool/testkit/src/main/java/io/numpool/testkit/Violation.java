package io.numpool.testkit;

/**
 * Something that must not be in a history.
 *
 * @param rule what was broken
 * @param pool in which pool
 * @param message by whom and when
 */
public record Violation(Rule rule, String pool, String message) {
    /** What a history can break. */
    public enum Rule {
        /** Two held one slot at a time, or one ticket was granted twice. */
        DOUBLE_GRANT,
        /** A slot was granted under a lower token than before. */
        TOKEN_ORDER,
        /** A ticket was granted after a later one. */
        OVERTAKE,
        /** A request that came later got an earlier ticket. */
        TICKET_ORDER,
        /** A slot stayed free for too long while somebody waited. */
        IDLE_SLOT,
        /** Something ended that never began. */
        MALFORMED
    }

    @Override
    public String toString() {
        return rule + " in pool " + pool + ": " + message;
    }
}
