package io.numpool.cli.internal.run;

/** Programs on this machine. */
public final class Programs {
    private Programs() {}

    /** Throws, with a shell's exit code, when {@code command} can't run. */
    public static void require(String command) {
        new CommandLookup(System.getenv()).require(command);
    }
}
