package io.numpool.cli.internal.doctor;

import java.time.Duration;

/**
 * From where on something is a finding.
 *
 * @param transaction that holds back vacuum, how long
 * @param xminAge of a replication slot or a standby that holds back vacuum, in transactions
 * @param deadRows of one table
 * @param queueUsage share of the notification queue that is full, 0 to 1
 * @param connectionUsage share of the connections that are in use, 0 to 1
 */
public record Limits(Duration transaction, long xminAge, long deadRows, double queueUsage, double connectionUsage) {
    public static final Limits DEFAULT = new Limits(Duration.ofMinutes(5), 1_000_000, 100_000, 0.1, 0.9);

    public Limits withTransaction(Duration longest) {
        return new Limits(longest, xminAge, deadRows, queueUsage, connectionUsage);
    }
}
