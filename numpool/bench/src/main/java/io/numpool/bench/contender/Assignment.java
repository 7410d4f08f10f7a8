package io.numpool.bench.contender;

import java.util.concurrent.TimeUnit;

/**
 * What one process of a round is to do.
 *
 * @param contender who
 * @param name of the round, unlike that of any other: names of pools and paths are made of it
 * @param process its number among the processes of the round
 * @param workers loops in this process
 * @param slots of each pool
 * @param pools how many
 * @param holdMillis how long a slot is held
 * @param address of the contender's server: a JDBC URL with user and password, a redis:// URL, or host:port
 * @param momentsFile where moments are written; null when they are not wanted
 */
public record Assignment(
        Contender contender,
        String name,
        int process,
        int workers,
        int slots,
        int pools,
        int holdMillis,
        String address,
        String momentsFile) {
    long holdNanos() {
        return TimeUnit.MILLISECONDS.toNanos(holdMillis);
    }

    String pool(int number) {
        return name + "-" + number;
    }
}
