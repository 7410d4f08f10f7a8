package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Build;
import picocli.CommandLine.IVersionProvider;

/** What `--version` says. */
final class VersionProvider implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"numpool " + Build.version() + " (embedded PostgreSQL " + Build.postgresVersion() + ")"};
    }
}
