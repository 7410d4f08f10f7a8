package io.numpool.cli.internal.doctor;

import java.util.List;

/** One thing that was looked at. The json contract: {@code about} is what holds when all is well, or what was seen. */
public record Check(String check, State state, String about, List<Finding> findings) {
    /** How it came out. */
    public enum State {
        ok,
        found,
        /** Not all of it may be seen by this role; the finding says what is missing. */
        unseen
    }

    static Check of(String check, String about, List<Finding> findings) {
        return new Check(check, findings.isEmpty() ? State.ok : State.found, about, findings);
    }

    static Check unseen(String check, Finding reason) {
        return new Check(check, State.unseen, reason.finding(), List.of(reason));
    }
}
