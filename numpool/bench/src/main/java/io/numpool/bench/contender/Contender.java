package io.numpool.bench.contender;

import io.numpool.bench.server.ServerKind;
import java.util.function.Supplier;

/** Who takes part. */
public enum Contender {
    NUMPOOL("numpool", ServerKind.POSTGRES, NumpoolSlots::settings, NumpoolSlots::new),
    NUMPOOL_WAITERS("numpool, waiters", ServerKind.POSTGRES, NumpoolWaiters::settings, NumpoolWaiters::new),
    NUMPOOL_CROWD("numpool, many processes", ServerKind.POSTGRES, NumpoolCrowd::settings, NumpoolCrowd::new),
    REDISSON("Redisson semaphore, blocking", ServerKind.REDIS, RedissonBlocking::settings, RedissonBlocking::new),
    REDISSON_ASYNC("Redisson semaphore, async", ServerKind.REDIS, RedissonFutures::settings, RedissonFutures::new),
    REDISSON_FAIR("Redisson fair lock", ServerKind.REDIS, RedissonFairLock::settings, RedissonFairLock::new),
    CURATOR("Curator semaphore", ServerKind.ZOOKEEPER, CuratorSlots::settings, CuratorSlots::new),
    ADVISORY_LOCK("advisory locks", ServerKind.POSTGRES, AdvisoryLocks::settings, AdvisoryLocks::new),
    ROW_LOCK("row locks", ServerKind.POSTGRES, RowLocks::settings, RowLocks::new) {
        @Override
        public void setUp(Assignment assignment) throws Exception {
            RowLocks.setUp(assignment);
        }
    },
    BARE_EXCHANGE("bare exchange", ServerKind.POSTGRES, BareExchange::settings, BareExchange::served),
    BARE_EXCHANGE_QUEUED(
            "bare exchange, queued", ServerKind.POSTGRES, BareExchange::queuedSettings, BareExchange::queued),
    BARE_EXCHANGE_POOLS(
            "bare exchange, random pools", ServerKind.POSTGRES, BareExchangePools::settings, BareExchangePools::new),
    NOTIFY_HOP("bare NOTIFY hop", ServerKind.POSTGRES, NotifyHop::settings, NotifyHop::new);

    private interface Opening {
        Slots open(Assignment assignment) throws Exception;
    }

    private final String title;
    private final ServerKind server;
    private final Supplier<String> settings;
    private final Opening opening;

    Contender(String title, ServerKind server, Supplier<String> settings, Opening opening) {
        this.title = title;
        this.server = server;
        this.settings = settings;
        this.opening = opening;
    }

    /** For people. */
    public String title() {
        return title;
    }

    /** What it runs on. */
    public ServerKind server() {
        return server;
    }

    /** How it is used here, in words. */
    public String settings() {
        return settings.get();
    }

    /**
     * Makes what all processes of a round share, before they start.
     *
     * @param assignment of the first
     * @throws Exception when it cannot be made
     */
    public void setUp(Assignment assignment) throws Exception {}

    /**
     * Opens it in this process.
     *
     * @param assignment what is to be done
     * @return slots, not prepared yet
     * @throws Exception when it cannot be opened
     */
    public Slots open(Assignment assignment) throws Exception {
        return opening.open(assignment);
    }
}
