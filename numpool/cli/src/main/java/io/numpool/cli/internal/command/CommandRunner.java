package io.numpool.cli.internal.command;

import io.numpool.NumpoolException;
import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.db.MigrationException;
import io.numpool.notify.NotifierException;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Runs one command line. Whatever goes wrong is one line on stderr and an exit code. */
public final class CommandRunner {
    private CommandRunner() {}

    public static int run(String... args) {
        silenceLibraries();
        return commandLine().execute(args);
    }

    static CommandLine commandLine() {
        var line = new CommandLine(new NumpoolCommand());
        line.getSubcommands().get("run").setStopAtPositional(true);
        line.setParameterExceptionHandler((e, args) -> usage(e));
        line.setExecutionExceptionHandler((e, command, result) -> failed(e));
        return line;
    }

    /** The driver logs through java.util.logging, whose default is stderr; jOOQ greets. */
    private static void silenceLibraries() {
        Logger.getLogger("").setLevel(Level.OFF);
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
    }

    private static int usage(ParameterException e) {
        complain(e.getMessage() + "; see " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
        return ExitCode.USAGE;
    }

    private static int failed(Exception e) {
        if (e instanceof Failure failure) {
            complain(failure.getMessage());
            return failure.exitCode();
        }
        if (isForTheUserToMend(e)) {
            complain(e.getMessage());
            return ExitCode.USAGE;
        }
        complain("this is a defect, please report it: " + e + trace(e));
        return ExitCode.DEFECT;
    }

    private static boolean isForTheUserToMend(Exception e) {
        return e instanceof NumpoolException
                || e instanceof NotifierException
                || e instanceof MigrationException
                || e instanceof IllegalArgumentException;
    }

    private static String trace(Exception e) {
        var frames = e.getStackTrace();
        return frames.length == 0 ? "" : " at " + frames[0];
    }

    private static void complain(String message) {
        if (message != null) {
            System.err.println("numpool: " + message.strip().replaceAll("\\s*\\R\\s*", " "));
        }
    }
}
