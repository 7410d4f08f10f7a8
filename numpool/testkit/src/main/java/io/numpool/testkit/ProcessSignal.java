package io.numpool.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;

/** What can be sent to a process of the operating system. */
public enum ProcessSignal {
    /** Freezes it, until {@link #CONT}. */
    STOP,
    /** Thaws it. */
    CONT,
    /** Asks it to end; to a PostgreSQL server: a fast shutdown. */
    INT,
    /** To a PostgreSQL server: an immediate shutdown. */
    QUIT,
    /** Asks it to end. */
    TERM,
    /** Ends it, unasked. */
    KILL;

    /**
     * Sends it.
     *
     * @param pid process id
     * @return false when there is no such process, or no right to signal it
     */
    public boolean send(long pid) {
        try {
            return new ProcessBuilder("kill", "-s", name(), Long.toString(pid))
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while sending " + this + " to " + pid, interrupted);
        }
    }
}
