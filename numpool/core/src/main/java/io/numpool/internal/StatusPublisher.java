package io.numpool.internal;

import io.numpool.PoolStatus;
import io.numpool.ResourcePoolAsync;
import java.time.Duration;
import java.util.concurrent.Flow;

/**
 * Overrides what Kotlin cannot: under {@code -Xjdk-release} on a newer JDK its compiler (2.4.21 on JDK 25) does not find a nested class of
 * the JDK that a Java source names.
 */
abstract class StatusPublisher implements ResourcePoolAsync {
    /** A {@code Flow.Publisher} of the statuses. */
    abstract Object publisher(Duration interval);

    @Override
    @SuppressWarnings("unchecked")
    public final Flow.Publisher<PoolStatus> statuses(Duration interval) {
        return (Flow.Publisher<PoolStatus>) publisher(interval);
    }
}
