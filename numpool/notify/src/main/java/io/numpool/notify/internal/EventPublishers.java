package io.numpool.notify.internal;

import io.numpool.notify.NotifierAsync;
import io.numpool.notify.NotifierEvent;
import io.numpool.notify.NotifierMode;
import java.util.concurrent.Flow;

/**
 * Overrides what Kotlin cannot: under {@code -Xjdk-release} on a newer JDK its compiler (2.4.21 on JDK 25) does not find a nested class of
 * the JDK that a Java source names.
 */
abstract class EventPublishers implements NotifierAsync {
    /** A {@code Flow.Publisher} of the modes. */
    abstract Object modePublisher();

    /** A {@code Flow.Publisher} of the events. */
    abstract Object eventPublisher(String channel, boolean startWithGap);

    @Override
    @SuppressWarnings("unchecked")
    public final Flow.Publisher<NotifierMode> modes() {
        return (Flow.Publisher<NotifierMode>) modePublisher();
    }

    @Override
    public final Flow.Publisher<NotifierEvent> events(String channel) {
        return events(channel, false);
    }

    @Override
    @SuppressWarnings("unchecked")
    public final Flow.Publisher<NotifierEvent> events(String channel, boolean startWithGap) {
        return (Flow.Publisher<NotifierEvent>) eventPublisher(channel, startWithGap);
    }
}
