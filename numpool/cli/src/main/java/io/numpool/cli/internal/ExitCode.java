package io.numpool.cli.internal;

/** The exit codes that scripts may rely on. A signal n that ends the command gives 128 + n. */
public final class ExitCode {
    public static final int OK = 0;
    /** `demo` saw a promise broken. */
    public static final int BROKEN_PROMISE = 1;
    /** `doctor` found something. */
    public static final int FOUND = 1;
    /** Wrong usage, a wrong value, a database that can't be reached or used. */
    public static final int USAGE = 2;
    /** A defect of this program. */
    public static final int DEFECT = 70;
    /** `run`: the slot was lost while the command ran (EX_TEMPFAIL). */
    public static final int SLOT_LOST = 75;
    /** `run`: no slot within the timeout; as timeout(1). */
    public static final int TIMED_OUT = 124;
    /** `run`: the command exists and can't be executed; as a shell. */
    public static final int NOT_EXECUTABLE = 126;
    /** `run`: there is no such command; as a shell. */
    public static final int NOT_FOUND = 127;

    private static final int SIGNAL_BASE = 128;

    /** Ctrl-C. */
    public static final int INTERRUPTED = SIGNAL_BASE + 2;

    private ExitCode() {}

    public static int ofSignal(int number) {
        return SIGNAL_BASE + number;
    }
}
