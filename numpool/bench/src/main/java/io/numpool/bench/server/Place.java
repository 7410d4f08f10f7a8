package io.numpool.bench.server;

/**
 * Where one round happens.
 *
 * @param address for the clients
 * @param clearing what to do afterwards
 */
public record Place(String address, Runnable clearing) implements AutoCloseable {
    @Override
    public void close() {
        clearing.run();
    }
}
