package io.numpool.bench.round;

import io.numpool.bench.order.Acquire;
import io.numpool.bench.report.Figure;
import java.util.List;
import java.util.Map;

/** What is looked at in a round beside what all rounds tell. One round's, and no other's. */
public interface Study extends AutoCloseable {
    /**
     * All processes are connected, and wait.
     *
     * @param stage of the round
     */
    default void ready(Stage stage) {}

    /** The window has begun. */
    default void begin() {}

    /** It is half over. */
    default void halfway() {}

    /** It is over. */
    default void end() {}

    /**
     * Looks at what the clients have noted.
     *
     * @param acquires of all processes, whose slots were asked for in the window
     * @return figures of its own
     */
    Map<Figure, Double> conclude(List<Acquire> acquires);

    @Override
    default void close() {}
}
