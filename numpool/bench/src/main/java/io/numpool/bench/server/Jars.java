package io.numpool.bench.server;

import java.net.URISyntaxException;
import java.util.regex.Pattern;

/** What is on the class path. */
public final class Jars {
    private static final Pattern VERSION = Pattern.compile("-([0-9][^/]*)\\.jar$");

    private Jars() {}

    /**
     * The version of a library: its jar is named after it.
     *
     * @param of any class of it
     */
    public static String version(Class<?> of) {
        try {
            var jar = of.getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI()
                    .getPath();
            var version = VERSION.matcher(jar);
            return version.find() ? version.group(1) : "unknown";
        } catch (URISyntaxException broken) {
            throw new IllegalStateException(broken);
        }
    }
}
