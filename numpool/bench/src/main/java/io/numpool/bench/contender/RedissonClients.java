package io.numpool.bench.contender;

import org.redisson.Redisson;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** Redisson as its documentation sets out: the default configuration, with the address of one server. */
final class RedissonClients {
    /** Longer than anybody holds: with none a crashed holder would keep its permit for ever. */
    static final int LEASE_SECONDS = 30;

    private RedissonClients() {}

    static RedissonClient open(String address) {
        return Redisson.create(config(address));
    }

    static RPermitExpirableSemaphore semaphore(RedissonClient client, Assignment assignment) {
        var semaphore = client.getPermitExpirableSemaphore(assignment.name());
        semaphore.trySetPermits(assignment.slots()); // does nothing when another process has done it
        return semaphore;
    }

    static String settings() {
        var config = config("redis://localhost:6379");
        var server = config.useSingleServer();
        return "default Config, single server (connectionPoolSize %d, connectionMinimumIdleSize %d, subscriptionConnectionPoolSize %d, "
                        .formatted(
                                server.getConnectionPoolSize(),
                                server.getConnectionMinimumIdleSize(),
                                server.getSubscriptionConnectionPoolSize())
                + "threads %d, nettyThreads %d); redis-server with its built-in configuration: snapshots, no append-only file, so nothing"
                        .formatted(config.getThreads(), config.getNettyThreads())
                + " that it has answered is surely on disk";
    }

    private static Config config(String address) {
        var config = new Config();
        config.useSingleServer().setAddress(address);
        return config;
    }
}
