package io.numpool.cli;

import io.numpool.cli.internal.command.CommandRunner;

/** The `numpool` command. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(CommandRunner.run(args));
    }
}
