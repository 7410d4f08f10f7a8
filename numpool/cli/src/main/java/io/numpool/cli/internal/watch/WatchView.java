package io.numpool.cli.internal.watch;

import io.numpool.PoolStatus;
import java.time.Duration;

/** Where a pool is shown while it changes. */
public interface WatchView extends AutoCloseable {
    /**
     * What the pool looks like now, changed or not.
     *
     * @return false when nobody reads it any more
     */
    boolean look(PoolStatus pool);

    /** The database has not answered for so long. */
    void silence(Duration time);

    @Override
    void close();
}
