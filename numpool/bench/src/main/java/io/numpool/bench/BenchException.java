package io.numpool.bench;

/** A run that cannot go on, for a reason that its message tells whole: no stack trace is needed. */
public final class BenchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public BenchException(String message) {
        super(message);
    }
}
