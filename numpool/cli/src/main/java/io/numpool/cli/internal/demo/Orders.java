package io.numpool.cli.internal.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

/**
 * What the demo tells a worker on its stdin, one word a line, and the worker answers on its stdout. The end of stdin, however the demo
 * ended, means stop.
 */
final class Orders {
    static final String BEGIN = "begin";
    static final String HOLD = "hold";
    static final String READY = "ready";
    static final String HOLDING = "holding";
    static final String MISBEHAVED = "misbehaved";

    private final CompletableFuture<Void> begin = new CompletableFuture<>();
    private final CompletableFuture<Void> stop = new CompletableFuture<>();
    private volatile boolean holdOn;

    Orders() {
        var reader = new Thread(this::read, "orders");
        reader.setDaemon(true);
        reader.start();
    }

    CompletableFuture<Void> begin() {
        return begin;
    }

    CompletableFuture<Void> stop() {
        return stop;
    }

    /** Whether the next slot is to be held until this process is killed. */
    boolean holdOn() {
        return holdOn;
    }

    void tellReady() {
        tell(READY);
    }

    void tellHolding(int slot) {
        tell(HOLDING + " " + slot);
    }

    void tellMisbehaved() {
        tell(MISBEHAVED);
    }

    private static void tell(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private void read() {
        try (var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
            for (var line = in.readLine(); line != null; line = in.readLine()) {
                switch (line) {
                    case BEGIN -> begin.complete(null);
                    case HOLD -> holdOn = true;
                    default -> throw new IllegalArgumentException("unknown order " + line);
                }
            }
        } catch (IOException gone) {
            // as the end
        } finally {
            begin.complete(null);
            stop.complete(null);
        }
    }
}
