package io.numpool.cli.internal.doctor;

/** Something that is not as it should be, and what to do about it. {@code pool} is null when it is about none. The json contract. */
public record Finding(String pool, String finding, String advice) {
    static Finding of(String finding, String advice) {
        return new Finding(null, finding, advice);
    }

    String text() {
        return pool == null ? finding : "pool '" + pool + "': " + finding;
    }
}
