package io.numpool.cli.internal.embedded;

import io.numpool.cli.internal.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * PostgreSQL refuses to run as root. Root therefore runs it in a user namespace of its own, where it is nobody in name and owns the same
 * files; where user namespaces are forbidden, as another user, who then owns the files.
 */
interface Privileges {
    /** What stands before PostgreSQL's program on the command line. */
    List<String> prefix();

    /** Gives a file or folder to whom PostgreSQL runs as. */
    void own(Path path) throws IOException;

    /** Of folders on the way to the data. */
    default String folderPermissions() {
        return "rwx------";
    }

    static Privileges detect() throws IOException {
        if (!isRoot()) {
            return new Same(List.of());
        }
        return Shell.succeeds("unshare", "-U", "true") ? new Same(List.of("unshare", "-U")) : asOrdinaryUser();
    }

    static Privileges asOrdinaryUser() throws IOException {
        var user = Shell.succeeds("id", "-u", "postgres") ? "postgres" : "nobody";
        var group = Shell.output("id", "-g", user);
        var prefix = List.of("setpriv", "--reuid=" + user, "--regid=" + group, "--clear-groups");
        if (!Shell.succeeds("setpriv", prefix.get(1), prefix.get(2), prefix.get(3), "true")) {
            throw Failure.usage(
                    "PostgreSQL does not run as root, and neither unshare -U nor setpriv works here; run numpool as an ordinary user, or name a database with --url");
        }
        return new Other(user, prefix);
    }

    /** By the owner of our folder in /proc; the link to it is root's, whoever asks. */
    private static boolean isRoot() throws IOException {
        var self = Path.of("/proc/self");
        return Files.exists(self)
                ? Integer.valueOf(0).equals(Files.getAttribute(self, "unix:uid"))
                : "root".equals(System.getProperty("user.name"));
    }

    record Same(List<String> prefix) implements Privileges {
        @Override
        public void own(Path path) {}
    }

    record Other(String user, List<String> prefix) implements Privileges {
        @Override
        public void own(Path path) throws IOException {
            var users = path.getFileSystem().getUserPrincipalLookupService();
            Files.setOwner(path, users.lookupPrincipalByName(user));
        }

        @Override
        public String folderPermissions() {
            return "rwx--x--x";
        }
    }
}
