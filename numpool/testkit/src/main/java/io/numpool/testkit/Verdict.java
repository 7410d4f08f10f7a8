package io.numpool.testkit;

import java.time.Duration;
import java.util.List;

/**
 * What the {@link HistoryChecker} found.
 *
 * @param violations none when all is well
 * @param grants how many slots were granted
 * @param waited how many of those requests were queued first
 * @param left how many requests gave up
 * @param longestWait from asking to the grant
 */
public record Verdict(List<Violation> violations, int grants, int waited, int left, Duration longestWait) {
    /**
     * How often one rule was broken.
     *
     * @param rule which
     * @return 0 when it held
     */
    public long count(Violation.Rule rule) {
        return violations.stream().filter(violation -> violation.rule() == rule).count();
    }

    /**
     * Fails when there is a violation.
     *
     * @return this
     * @throws AssertionError with all of them
     */
    public Verdict assertClean() {
        if (!violations.isEmpty()) {
            throw new AssertionError(violations.size() + " violations in " + grants + " grants:\n"
                    + String.join(
                            "\n", violations.stream().map(Violation::toString).toList()));
        }
        return this;
    }
}
