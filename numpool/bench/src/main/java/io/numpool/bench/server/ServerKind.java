package io.numpool.bench.server;

/** What contenders run on. */
public enum ServerKind {
    POSTGRES("PostgreSQL"),
    REDIS("Redis"),
    ZOOKEEPER("ZooKeeper");

    private final String title;

    ServerKind(String title) {
        this.title = title;
    }

    /** For people. */
    public String title() {
        return title;
    }
}
