package io.numpool.cli.internal.run;

import java.util.List;
import java.util.Map;

/** A process that runs its arguments as a guarded command, passes signals on, and ends with the command's exit code. */
public final class GuardedHost {
    private GuardedHost() {}

    public static void main(String[] command) throws Exception {
        var running = new Interruptions().start(List.of(command), Map.of());
        System.exit(running.ended().get());
    }
}
