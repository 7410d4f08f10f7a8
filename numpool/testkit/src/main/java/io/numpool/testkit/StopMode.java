package io.numpool.testkit;

/** In which way a server is stopped. */
public enum StopMode {
    /** Ends every session, then the server, in order. */
    FAST(ProcessSignal.INT),
    /** Ends everything at once; the next start recovers, as after a crash. */
    IMMEDIATE(ProcessSignal.QUIT);

    private final ProcessSignal signal;

    StopMode(ProcessSignal signal) {
        this.signal = signal;
    }

    ProcessSignal signal() {
        return signal;
    }
}
