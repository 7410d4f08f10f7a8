package io.numpool.cli.internal.demo;

/** What a worker is told to do wrong once, so that a test can see the verdict see it. */
public enum Misbehaviour {
    none,
    /** Goes on using a slot that it has given back. */
    doubled("double"),
    /** Uses a slot for a request while earlier ones wait. */
    overtake;

    private final String word;

    Misbehaviour() {
        word = name();
    }

    Misbehaviour(String word) {
        this.word = word;
    }

    @Override
    public String toString() {
        return word;
    }

    public static Misbehaviour of(String word) {
        for (var each : values()) {
            if (each.word.equals(word)) {
                return each;
            }
        }
        throw new IllegalArgumentException("'" + word + "' is not one of double, overtake");
    }
}
