package io.numpool.cli.internal.embedded;

import java.nio.file.Path;
import java.util.Map;

/** The user's folder for data that must last: {@code $XDG_DATA_HOME/numpool}, else {@code ~/.local/share/numpool}. */
public final class DataFolder {
    private DataFolder() {}

    public static Path of(Map<String, String> environment) {
        var xdg = environment.getOrDefault("XDG_DATA_HOME", "");
        // The XDG specification: a relative path is invalid and ignored.
        if (!xdg.isEmpty() && Path.of(xdg).isAbsolute()) {
            return Path.of(xdg, "numpool");
        }
        var home = environment.getOrDefault("HOME", "");
        return Path.of(home.isEmpty() ? System.getProperty("user.home") : home, ".local", "share", "numpool");
    }
}
