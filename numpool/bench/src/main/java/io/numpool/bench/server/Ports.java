package io.numpool.bench.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** For servers that are told their port, and then are waited for. */
final class Ports {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long PAUSE_NANOS = 20_000_000;

    private Ports() {}

    /** One that nobody listens on at this moment. */
    static int free() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * Waits until a server answers.
     *
     * @param name for the failure's message
     * @param answers asks it; an IOException is a no
     * @param lives whether there is still something to wait for
     * @param log for the failure's message
     */
    static void awaitAnswer(String name, Callable<Boolean> answers, BooleanSupplier lives, Supplier<String> log) {
        var deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!asked(answers)) {
            if (!lives.getAsBoolean() || System.nanoTime() - deadline > 0) {
                throw new IllegalStateException(name + " does not start:\n" + log.get());
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private static boolean asked(Callable<Boolean> answers) {
        try {
            return answers.call();
        } catch (IOException notYet) {
            return false;
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }
}
