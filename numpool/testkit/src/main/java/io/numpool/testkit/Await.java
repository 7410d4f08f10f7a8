package io.numpool.testkit;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** Waits for a state that nobody announces. The bound is generous: it is there to fail a test, not to time it. */
public final class Await {
    /** How long to wait when nothing else is said: 60 s, or the seconds of the system property {@code numpool.test.patience}. */
    public static final Duration BOUND = Duration.ofSeconds(Integer.getInteger("numpool.test.patience", 60));

    private static final long PAUSE_NANOS = 15_000_000;

    private Await() {}

    /**
     * Waits until a condition holds, for at most {@link #BOUND}.
     *
     * @param what what is waited for, for the failure's message
     * @param condition asked every few milliseconds; what it throws ends the wait
     * @throws AssertionError when it does not hold in time
     */
    public static void until(String what, Callable<Boolean> condition) {
        value(what, BOUND, condition, held -> held);
    }

    /**
     * Waits until a condition holds.
     *
     * @param what what is waited for, for the failure's message
     * @param bound how long at most
     * @param condition asked every few milliseconds; what it throws ends the wait
     * @throws AssertionError when it does not hold in time
     */
    public static void until(String what, Duration bound, Callable<Boolean> condition) {
        value(what, bound, condition, held -> held);
    }

    /**
     * Waits until a value is as expected, for at most {@link #BOUND}.
     *
     * @param <T> type of the value
     * @param what what is waited for, for the failure's message
     * @param source where the value comes from; asked every few milliseconds
     * @param expected what it must fulfil
     * @return the first value that did
     * @throws AssertionError when none did in time; it tells the last one
     */
    public static <T> T value(String what, Callable<T> source, Predicate<? super T> expected) {
        return value(what, BOUND, source, expected);
    }

    /**
     * Waits until a value is as expected.
     *
     * @param <T> type of the value
     * @param what what is waited for, for the failure's message
     * @param bound how long at most
     * @param source where the value comes from; asked every few milliseconds, and once more when the time is up
     * @param expected what it must fulfil
     * @return the first value that did
     * @throws AssertionError when none did in time; it tells the last one
     */
    public static <T> T value(String what, Duration bound, Callable<T> source, Predicate<? super T> expected) {
        var deadline = System.nanoTime() + bound.toNanos();
        while (true) {
            var late = System.nanoTime() - deadline > 0;
            var value = ask(what, source);
            if (expected.test(value)) {
                return value;
            }
            if (late) {
                throw new AssertionError("Waited " + bound.toMillis() + " ms for: " + what + "; last seen: " + value);
            }
            pause(what);
        }
    }

    private static <T> T ask(String what, Callable<T> source) {
        try {
            return source.call();
        } catch (Exception failed) {
            throw new AssertionError("Failed while waiting for: " + what + ": " + failed, failed);
        }
    }

    private static void pause(String what) {
        LockSupport.parkNanos(PAUSE_NANOS);
        if (Thread.currentThread().isInterrupted()) {
            throw new AssertionError("Interrupted while waiting for: " + what);
        }
    }
}
