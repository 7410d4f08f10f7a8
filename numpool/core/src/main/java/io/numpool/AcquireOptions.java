package io.numpool;

import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/** How a slot is asked for. Immutable. */
public final class AcquireOptions {
    private static final AcquireOptions DEFAULTS = builder().build();

    private final Duration timeout;
    private final String label;
    private final UUID requestId;

    private AcquireOptions(Builder builder) {
        timeout = builder.timeout;
        label = builder.label;
        requestId = builder.requestId;
    }

    /**
     * Without a timeout, label or request id.
     *
     * @return the defaults
     */
    public static AcquireOptions defaults() {
        return DEFAULTS;
    }

    /**
     * Options at their defaults, to be changed.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * How long to wait; empty is for ever, 0 tries once.
     *
     * @return the timeout
     */
    public Optional<Duration> timeout() {
        return Optional.ofNullable(timeout);
    }

    /**
     * What the slot is for.
     *
     * @return the label
     */
    public Optional<String> label() {
        return Optional.ofNullable(label);
    }

    /**
     * The id that makes the acquire idempotent.
     *
     * @return the caller's request id
     */
    public Optional<UUID> requestId() {
        return Optional.ofNullable(requestId);
    }

    /** Collects options. */
    public static final class Builder {
        private Duration timeout;
        private String label;
        private UUID requestId;

        private Builder() {}

        /**
         * How long to wait at most.
         *
         * @param value not negative; 0 tries once
         * @return this
         * @throws IllegalArgumentException when negative
         */
        public Builder timeout(Duration value) {
            if (value.isNegative()) throw new IllegalArgumentException("timeout " + value + ": not negative");
            timeout = value;
            return this;
        }

        /**
         * What the slot is for, shown to operators.
         *
         * @param value at most 200 characters
         * @return this
         */
        public Builder label(String value) {
            label = value;
            return this;
        }

        /**
         * Makes the acquire idempotent: while a slot is held or waited for under this id, the same id gets the same. The
         * first who closes it gives it back for all.
         *
         * @param value the id
         * @return this
         */
        public Builder requestId(UUID value) {
            requestId = value;
            return this;
        }

        /**
         * The options.
         *
         * @return immutable options
         */
        public AcquireOptions build() {
            return new AcquireOptions(this);
        }
    }
}
