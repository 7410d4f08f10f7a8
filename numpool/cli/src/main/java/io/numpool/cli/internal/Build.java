package io.numpool.cli.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;

/** What this program was built from. */
public final class Build {
    private static final Properties PROPERTIES = load();

    private Build() {}

    public static String version() {
        return PROPERTIES.getProperty("version");
    }

    /** The version of the PostgreSQL programs in the jar, such as {@code 18.6.0}. */
    public static String postgresVersion() {
        return PROPERTIES.getProperty("postgres");
    }

    public static String postgresMajor() {
        return postgresVersion().substring(0, postgresVersion().indexOf('.'));
    }

    private static Properties load() {
        try (var in = Build.class.getResourceAsStream("build.properties")) {
            var properties = new Properties();
            properties.load(in);
            return properties;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
