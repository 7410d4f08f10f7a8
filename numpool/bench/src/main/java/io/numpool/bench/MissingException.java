package io.numpool.bench;

/** Something that this machine lacks; the message tells how to get it. */
public final class MissingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public MissingException(String message) {
        super(message);
    }
}
