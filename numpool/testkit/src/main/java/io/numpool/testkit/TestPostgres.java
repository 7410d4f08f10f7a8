package io.numpool.testkit;

import io.numpool.testkit.internal.Databases;
import io.numpool.testkit.internal.SharedServer;

/**
 * The PostgreSQL server that all tests of a JVM share. It is started at first use and ends with the JVM. Which one it is says the system
 * property {@code numpool.test.postgres}:
 *
 * <ul>
 *   <li>{@code embedded}, the default: the binaries on the class path, or those in the folder {@code numpool.test.postgres.bin};
 *   <li>{@code testcontainers}: the image {@code numpool.test.postgres.image}, default {@code postgres:18}; needs Testcontainers on the class path;
 *   <li>a {@code jdbc:postgresql://} or {@code postgres://} URL with a role that may create databases.
 * </ul>
 *
 * <p>Safe for use by several threads.
 */
public final class TestPostgres {
    /** The time zone that every test database has as its default; pgjdbc asks for the JVM's instead. */
    public static final String TIME_ZONE = Databases.TIME_ZONE;

    private static final String MAX_CONNECTIONS = "300";

    private final Databases databases;

    private TestPostgres(Databases databases) {
        this.databases = databases;
    }

    /**
     * The shared server.
     *
     * @return always the same
     */
    public static TestPostgres shared() {
        return Shared.SERVER;
    }

    /**
     * Starts a server of one's own. It is an embedded one, whatever the shared server is.
     *
     * @param settings its configuration
     * @return a server to be closed by the caller
     */
    public static OwnPostgres start(ServerSettings settings) {
        return OwnPostgres.start(settings);
    }

    /**
     * Starts a server of one's own with {@code fsync} and {@code synchronous_commit} on, and has it tell that they are.
     *
     * @return a server to be closed by the caller
     */
    public static OwnPostgres durable() {
        return OwnPostgres.start(ServerSettings.durable());
    }

    /**
     * Makes a database with the schema {@code numpool} in it, a copy of a template that was migrated once.
     *
     * @return a new database, to be closed by the caller
     */
    public TestDatabase newDatabase() {
        return new TestDatabase(databases, () -> true, databases.createMigrated());
    }

    /**
     * Makes a database with nothing in it.
     *
     * @return a new database, to be closed by the caller
     */
    public TestDatabase emptyDatabase() {
        return new TestDatabase(databases, () -> true, databases.createEmpty());
    }

    /** Started at first use. */
    private static final class Shared {
        static final TestPostgres SERVER =
                new TestPostgres(SharedServer.start(ServerSettings.fast().with("max_connections", MAX_CONNECTIONS)));
    }
}
