package io.numpool.testkit.internal;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.math.BigInteger;
import java.security.SecureRandom;
import java.sql.SQLException;

/** Makes and drops the databases of one server. The template is migrated at first use, and has a name that no other process uses. */
public final class Databases {
    /** What the databases have as time zone: far from UTC, and not by whole hours. */
    public static final String TIME_ZONE = "Pacific/Chatham";

    private static final SecureRandom RANDOM = new SecureRandom();

    private final ServerAddress address;
    private final String template = randomName("template");

    /** Guarded by this. */
    private boolean templateExists;

    /**
     * For one server.
     *
     * @param address where it is
     */
    public Databases(ServerAddress address) {
        this.address = address;
    }

    /**
     * The server's address.
     *
     * @return where it is
     */
    public ServerAddress address() {
        return address;
    }

    /**
     * Makes a database with the schema {@code numpool} in it.
     *
     * @return its name
     */
    public String createMigrated() {
        ensureTemplate();
        return create(randomName("test"), template);
    }

    /**
     * Makes a database with nothing in it.
     *
     * @return its name
     */
    public String createEmpty() {
        return create(randomName("test"), "template0");
    }

    /**
     * Drops a database and ends the sessions in it.
     *
     * @param name its name
     */
    public void drop(String name) {
        execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
    }

    /** Drops the template, if there is one: nothing of ours is left on the server. */
    public synchronized void dropTemplate() {
        if (templateExists) {
            drop(template);
            templateExists = false;
        }
    }

    private synchronized void ensureTemplate() {
        if (!templateExists) {
            create(template, "template0");
            templateExists = true;
            Migrations.of(Line.POOL).migrate(address.dataSource(template), Migrations.DEFAULT_SCHEMA);
        }
    }

    private String create(String name, String source) {
        execute("CREATE DATABASE " + name + " TEMPLATE " + source);
        execute("ALTER DATABASE " + name + " SET timezone = '" + TIME_ZONE + "'");
        return name;
    }

    private void execute(String sql) {
        try (var connection = address.dataSource("postgres").getConnection();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException failed) {
            throw new IllegalStateException(sql + ": " + failed.getMessage(), failed);
        }
    }

    private static String randomName(String what) {
        return "numpool_" + what + "_" + new BigInteger(64, RANDOM).toString(Character.MAX_RADIX);
    }
}
