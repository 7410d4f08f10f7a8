package io.numpool.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * What a system under test announces, in order, for a test to wait for. Any thread may send; each signal is received once.
 *
 * @param <T> type of a signal
 */
public final class Signals<T> {
    private final String name;
    private final LinkedBlockingQueue<T> waiting = new LinkedBlockingQueue<>();

    /**
     * A queue without signals.
     *
     * @param name for the messages of failures
     */
    public Signals(String name) {
        this.name = name;
    }

    /**
     * Announces something.
     *
     * @param signal what; not null
     */
    public void send(T signal) {
        waiting.add(signal);
    }

    /**
     * Waits for the next signal, for at most {@link Await#BOUND}.
     *
     * @return the signal
     * @throws AssertionError when there is none in time
     */
    public T next() {
        return next("any", Await.BOUND, signal -> true);
    }

    /**
     * Waits for the next signal that fits and drops those before it.
     *
     * @param what what is waited for, for the failure's message
     * @param fits the condition
     * @return the signal
     * @throws AssertionError when there is none within {@link Await#BOUND}; it tells those that were dropped
     */
    public T next(String what, Predicate<? super T> fits) {
        return next(what, Await.BOUND, fits);
    }

    /**
     * Waits for the next signal that fits and drops those before it.
     *
     * @param what what is waited for, for the failure's message
     * @param bound how long at most
     * @param fits the condition
     * @return the signal
     * @throws AssertionError when there is none in time; it tells those that were dropped
     */
    public T next(String what, Duration bound, Predicate<? super T> fits) {
        var deadline = System.nanoTime() + bound.toNanos();
        var dropped = new ArrayList<T>();
        while (true) {
            var signal = poll(deadline - System.nanoTime());
            if (signal == null) {
                throw new AssertionError(
                        "Waited " + bound.toMillis() + " ms for " + name + ": " + what + "; came instead: " + dropped);
            }
            if (fits.test(signal)) {
                return signal;
            }
            dropped.add(signal);
        }
    }

    /**
     * What has been announced and not received.
     *
     * @return a copy, oldest first; they stay
     */
    public List<T> pending() {
        return List.copyOf(waiting);
    }

    private T poll(long nanos) {
        try {
            return waiting.poll(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting for " + name, interrupted);
        }
    }
}
