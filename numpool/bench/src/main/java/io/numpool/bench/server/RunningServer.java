package io.numpool.bench.server;

/** A server of the benchmark's own, on the loopback address. */
interface RunningServer extends AutoCloseable {
    /** Its first process. */
    long pid();

    /** As it tells itself. */
    String version();

    /**
     * A place for one round, that nothing of another round is in.
     *
     * @return its address; closing it throws it away
     */
    Place newPlace();

    @Override
    void close();
}
