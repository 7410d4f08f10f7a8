package io.numpool.cli.internal.demo;

import io.numpool.PoolStatus;

/** What a person sees while the demo runs. */
public interface DemoView extends AutoCloseable {
    /** For a program, which only wants the verdict. */
    DemoView NONE = event -> {};

    void event(String event);

    default boolean wantsState() {
        return false;
    }

    default void state(PoolStatus pool, int grants) {}

    @Override
    default void close() {}
}
