package io.numpool.testkit.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts the programs of PostgreSQL, which refuse to run as root. */
final class Unprivileged {
    private static final List<String> NEW_USER_NAMESPACE = List.of("unshare", "-U");
    private static final List<String> AS_NOBODY =
            List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups");

    /** Decided at first use. */
    private static final List<String> PREFIX = prefix();

    private Unprivileged() {}

    static List<String> command(List<String> command) {
        var all = new ArrayList<>(PREFIX);
        all.addAll(command);
        return all;
    }

    /** Gives a folder to whoever the programs run as. */
    static void own(Path folder) {
        if (PREFIX.equals(AS_NOBODY) && !succeeds(List.of("chown", "-R", "nobody:nogroup", folder.toString()))) {
            throw new IllegalStateException("Cannot give " + folder + " to nobody");
        }
    }

    private static List<String> prefix() {
        if (!isRoot()) {
            return List.of();
        }
        for (var prefix : List.of(NEW_USER_NAMESPACE, AS_NOBODY)) {
            var probe = new ArrayList<>(prefix);
            probe.add("true");
            if (succeeds(probe)) {
                return prefix;
            }
        }
        throw new IllegalStateException(
                "PostgreSQL does not run as root, and neither unshare -U nor setpriv works here: use another user");
    }

    private static boolean isRoot() {
        try {
            return "root".equals(System.getProperty("user.name"))
                    || Files.exists(Path.of("/proc/self"))
                            && Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static boolean succeeds(List<String> command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException absent) {
            return false;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }
}
