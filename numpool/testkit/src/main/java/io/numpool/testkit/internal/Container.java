package io.numpool.testkit.internal;

import org.testcontainers.containers.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * PostgreSQL in a container. The only class that knows Testcontainers, which is an optional dependency.
 *
 * <p>{@code TESTCONTAINERS_RYUK_DISABLED=true} switches off the helper container that cleans up after a killed JVM, where its image cannot be
 * had; an orderly exit stops this one all the same.
 */
final class Container {
    /** The image to run; it may be any that behaves like {@code postgres}. */
    static final String IMAGE = "numpool.test.postgres.image";

    private Container() {}

    static ServerAddress start() {
        var image =
                DockerImageName.parse(System.getProperty(IMAGE, "postgres:18")).asCompatibleSubstituteFor("postgres");
        @SuppressWarnings("resource") // stopped at exit
        var container = new PostgreSQLContainer<>(image)
                .withCommand("postgres", "-c", "max_connections=300", "-c", "fsync=off");
        container.start();
        Runtime.getRuntime().addShutdownHook(new Thread(container::stop, "stop container " + image));
        var hosts = container.getHost() + ":" + container.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT);
        return new ServerAddress(hosts, "", container.getUsername(), container.getPassword());
    }
}
