package io.numpool.cli.internal.demo;

import io.numpool.cli.internal.Failure;

/** How large the demo is. */
public record DemoSettings(int workers, int slots, int seconds, int kills, Misbehaviour misbehaviour) {
    private static final int MOST_WORKERS = 64;
    private static final int MOST_SECONDS = 3_600;

    public DemoSettings {
        within("--workers", workers, 2, MOST_WORKERS);
        within("--slots", slots, 1, MOST_WORKERS);
        within("--seconds", seconds, 1, MOST_SECONDS);
        within("--kill", kills, 0, MOST_WORKERS);
        if (workers <= slots) {
            throw Failure.usage("--workers " + workers + " and --slots " + slots
                    + ": nobody would wait; name more workers than slots");
        }
    }

    private static void within(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw Failure.usage(option + " " + value + ": " + least + " to " + most);
        }
    }
}
