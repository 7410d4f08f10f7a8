package io.numpool.testkit.internal;

import io.numpool.testkit.ServerSettings;

/** Finds or starts the one server of this JVM. */
public final class SharedServer {
    /** {@code embedded} (default), {@code testcontainers}, or the URL of a server where we may create databases. */
    public static final String PROPERTY = "numpool.test.postgres";

    private SharedServer() {}

    /**
     * Starts it as the system property says; it ends with the JVM.
     *
     * @param settings for an embedded one
     * @return its databases
     */
    public static Databases start(ServerSettings settings) {
        var kind = System.getProperty(PROPERTY, "embedded");
        return switch (kind) {
            case "embedded" -> embedded(settings);
            case "testcontainers" -> new Databases(Container.start());
            default -> given(kind);
        };
    }

    private static Databases embedded(ServerSettings settings) {
        var server = Server.create(settings);
        Runtime.getRuntime().addShutdownHook(new Thread(server::destroy, "stop " + server));
        return new Databases(server.address());
    }

    private static Databases given(String url) {
        var databases = new Databases(ServerAddress.parse(url));
        Runtime.getRuntime().addShutdownHook(new Thread(databases::dropTemplate, "drop template database"));
        return databases;
    }
}
